// Tiles, charts, topics and losses, fed by a tick a second.

const TOPIC_ROWS = 8;

const charts = {
  in: new Chart(byId("chart-in"), "Events in per second", [{ name: "published", area: true }], count, 10),
  out: new Chart(byId("chart-out"), "Events out per second", [{ name: "delivered", area: true }], count, 10),
  latency: new Chart(
    byId("chart-latency"),
    "Publish to socket",
    [{ name: "p99", area: true }, { name: "p50" }],
    duration,
    100,
  ),
  streams: new Chart(
    byId("chart-streams"),
    "Connections",
    [{ name: "streams", area: true }, { name: "behind" }],
    count,
    4,
  ),
};

// The value below which a share of the measurements lies, from bucket counts.
const percentile = (bounds, counts, share) => {
  const total = counts.reduce((a, b) => a + b, 0);
  if (total === 0) return null;
  let rank = share * total;
  for (let i = 0; i < counts.length; i += 1) {
    if (rank <= counts[i]) {
      const low = i === 0 ? 0 : bounds[i - 1];
      const high = bounds[i] ?? low;
      return low + ((high - low) * rank) / counts[i];
    }
    rank -= counts[i];
  }
  return bounds.at(-1);
};

const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);

// What happened between two ticks, per second.
const rates = (before, now) => {
  const seconds = (now.uptime_ms - before.uptime_ms) / 1000;
  const per = (member) => Math.max(0, now[member] - before[member]) / seconds;
  const counts = now.latency.counts.map((n, i) => n - before.latency.counts[i]);
  return {
    seconds,
    in: per("published"),
    out: per("delivered") + per("replayed"),
    bytes: per("bytes_sent"),
    p50: percentile(now.latency.bounds_us, counts, 0.5),
    p99: percentile(now.latency.bounds_us, counts, 0.99),
  };
};

// Rates take two ticks; everything else is shown with the first one.
const showRates = (rate) => {
  setText(byId("in"), count(rate.in));
  setText(byId("out"), count(rate.out));
  setText(byId("out-sub"), `${bytes(rate.bytes)}/s to sockets`);
  setText(byId("p99"), duration(rate.p99));
  setText(byId("latency-sub"), rate.p50 === null ? "no events just now" : `p50 ${duration(rate.p50)}`);
};

const JOURNAL_WORDS = {
  writable: "writing",
  held: "held by another process",
  full: "full",
  poisoned: "broken",
  stalled: "stalled",
  closed: "closed",
};

// The journal: its state, what it keeps, and how long commits took since the tick before.
const showJournal = (journal, before) => {
  const tile = byId("journal-tile");
  tile.classList.toggle("warn", journal !== null && journal.state !== "writable");
  if (journal === null) {
    setText(byId("journal"), "none");
    setText(byId("journal-sub"), "events are in memory only");
    return;
  }
  setText(byId("journal"), JOURNAL_WORDS[journal.state] ?? journal.state);
  const kept = `${bytes(journal.bytes)}, from ${count(journal.oldest)} on`;
  setText(byId("journal-sub"), journal.reason || kept);
  tile.title = journal.reason ? `${journal.reason}; ${kept}` : kept;
  const { bounds_us: bounds, counts } = journal.commit_latency;
  const earlier = before?.commit_latency.counts;
  const since = counts.map((n, i) => n - (earlier?.[i] ?? 0));
  const [p50, p99] = [0.5, 0.99].map((share) => percentile(bounds, since, share));
  const commits = p50 === null ? "no commits just now" : `commit p50 ${duration(p50)}, p99 ${duration(p99)}`;
  setText(byId("journal-more"), commits);
};

const showTiles = (now, before) => {
  setText(byId("position"), now.position);
  setText(byId("uptime"), uptime(now.uptime_ms));
  setText(byId("version"), now.version);
  setText(byId("in-sub"), `${count(now.published)} in all`);
  showJournal(now.journal, before?.journal);
  setText(byId("streams"), count(now.streams));
  setText(byId("streams-sub"), `of ${plural(now.connections, "connection")}`);
  setText(byId("lag"), count(now.lag_max));
  const behind = `${count(now.lagging)} behind, ${count(now.blocked)} blocked`;
  setText(byId("lag-sub"), now.lagging || now.blocked ? behind : "nobody is behind");
  const gaps = sum(now.gaps);
  setText(byId("gaps"), count(gaps));
  setText(byId("gaps-sub"), gaps ? "told to streams" : "nothing was lost");
  byId("lag").closest(".tile").classList.toggle("warn", now.lag_max > 0);
  byId("gaps").closest(".tile").classList.toggle("warn", gaps > 0);
};

const showTopics = (now, before, seconds) => {
  const earlier = new Map((before?.topics ?? []).map((topic) => [topic.topic, topic]));
  const rest = { ...now.other_topics, topic: "all others" };
  const rows = now.topics.slice(0, TOPIC_ROWS);
  for (const topic of now.topics.slice(TOPIC_ROWS)) {
    rest.events += topic.events;
    rest.bytes += topic.bytes;
  }
  if (!rows.length) return;
  const rate = ({ topic, ...values }, member) => {
    const then = earlier.get(topic)?.[member] ?? 0;
    return Math.max(0, values[member] >= then ? values[member] - then : values[member]) / seconds;
  };
  const busiest = Math.max(1, ...rows.map((row) => rate(row, "events")));
  const cells = (row, perSecond, bytesPerSecond) => {
    const bar = make("meter", { min: 0, max: 1, value: perSecond / busiest, "aria-hidden": "true" });
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, make("span", {}, row.topic), bar),
      make("td", { class: "num" }, count(perSecond)),
      make("td", { class: "num" }, bytes(bytesPerSecond)),
      make("td", { class: "num" }, count(row.events)),
    );
  };
  const shown = rows.map((row) => cells(row, rate(row, "events"), rate(row, "bytes")));
  if (rest.events) {
    const row = cells(rest, 0, 0);
    row.children[1].textContent = "";
    row.children[2].textContent = "";
    row.className = "rest";
    shown.push(row);
  }
  byId("topics").replaceChildren(...shown);
};

const HEALTH = [
  ["gaps", "retention", "Gap: no longer kept"],
  ["gaps", "overrun", "Gap: ring overrun"],
  ["gaps", "oversize", "Gap: frame too large"],
  ["gaps", "malformed", "Gap: no frame can be written"],
  ["gaps", "crash", "Gap: lost by a crash"],
  ["gaps", "aborted", "Gap: not committed"],
  ["gaps", "indeterminate", "Gap: perhaps not committed"],
  ["gaps", "damaged", "Gap: damaged in the journal"],
  ["resets", "epoch", "Reset: id of an earlier run"],
  ["resets", "junk", "Reset: no id of ours"],
  ["ended", "stalled", "Cut: took nothing"],
  ["ended", "half_sent", "Cut: half-sent memory"],
  ["refused", "connections", "Refused: too many connections"],
  ["refused", "malformed", "Refused: bad HTTP"],
  ["refused", "origin", "Refused: foreign page"],
  ["refused", "host", "Refused: foreign host name"],
];

const showHealth = (now) => {
  const rows = HEALTH.map(([group, reason, words]) => {
    const n = now[group][reason];
    const value = make("dd", {}, count(n));
    return make("div", n ? { class: "some" } : {}, make("dt", {}, words), value);
  });
  byId("health").replaceChildren(...rows);
};

const notice = (words) => {
  byId("notice").hidden = !words;
  setText(byId("notice"), words);
};

let earlier = null;

const take = (now) => {
  if (earlier && earlier.epoch !== now.epoch) {
    notice("The server was restarted: its counters and ids began anew.");
    earlier = null;
  }
  const before = earlier;
  earlier = now;
  showHealth(now);
  showTiles(now, before);
  if (!before || now.uptime_ms <= before.uptime_ms) return;
  const rate = rates(before, now);
  showRates(rate);
  showTopics(now, before, rate.seconds);
  charts.in.push(rate.in);
  charts.out.push(rate.out);
  charts.latency.push(rate.p99, rate.p50);
  charts.streams.push(now.streams, now.lagging);
};

// An EventSource comes back by itself, but for answers that are no stream: then we come back.
const follow = (open, pill, text) => {
  const source = open();
  source.addEventListener("open", () => setState(pill, text, "live", "live"));
  source.addEventListener("error", () => {
    const gone = source.readyState === EventSource.CLOSED;
    setState(pill, text, "lost", gone ? "refused, trying again" : "reconnecting");
    if (gone) source.retry = setTimeout(() => source.dispatchEvent(new Event("again")), 3000);
  });
  return source;
};

const watch = () => {
  const source = follow(() => new EventSource("api/v1/stats/stream"), byId("state"), byId("state-text"));
  source.addEventListener("stats", (event) => take(JSON.parse(event.data)));
  source.addEventListener("again", watch);
};
watch();

