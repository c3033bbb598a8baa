// The live tail: newest first, bounded, with pause and filter. Everything is shown as text.

const TAIL_ROWS = 200;
const WAITING_MAX = 400;
const SHOWN_CHARS = 400;

const tail = {
  list: byId("tail"),
  source: null,
  last: "", // the id to go on after
  paused: false,
  waiting: [], // events that came and are not shown yet, oldest first
  received: 0,
  skipped: 0,
  scheduled: false,
};

const tailNotice = (words) => {
  byId("tail-notice").hidden = !words;
  setText(byId("tail-notice"), words);
};

const tailCount = () => {
  const parts = [plural(tail.received, "event")];
  if (tail.skipped) parts.push(`${count(tail.skipped)} too fast to show`);
  if (tail.paused) parts.push(`${count(tail.waiting.length)} wait`);
  setText(byId("tail-count"), parts.join(", ") + ".");
};

// The time of day of an event, to the millisecond.
const timeOf = (time) => {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  const two = (n) => String(n).padStart(2, "0");
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
};

const parsed = (data) => {
  try {
    return JSON.parse(data);
  } catch {
    return { data };
  }
};

const dataOf = (event, text) => {
  if (event.data_base64 !== undefined) return `(base64) ${event.data_base64}`;
  if (typeof event.data === "string") return event.data;
  return event.data === undefined ? "" : rawMember(text, "data");
};

const rowOf = ({ id, data, at }) => {
  const event = parsed(data);
  const text = dataOf(event, data);
  const short = text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
  const cell = (name, words) => make("span", { class: name }, words);
  const summary = make(
    "summary",
    {},
    cell("time", timeOf(event.time ?? at)),
    cell("id", id.slice(id.lastIndexOf("-") + 1)),
    cell("topic", event.topic ?? ""),
    cell("type", event.type ?? ""),
    cell("data", short),
  );
  const details = make("details", {}, summary);
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("pre")) {
      details.append(make("pre", {}, `id: ${id}\n${indented(data)}`));
    }
  });
  const row = make("li", {}, details);
  row.sought = data.toLowerCase();
  return row;
};

const isHidden = (row) => {
  const wanted = byId("tail-filter").value.trim().toLowerCase();
  return wanted !== "" && row.sought !== undefined && !row.sought.includes(wanted);
};

const addRows = (rows) => {
  for (const row of rows) row.hidden = isHidden(row);
  tail.list.prepend(...rows.reverse());
  while (tail.list.childElementCount > TAIL_ROWS) tail.list.lastElementChild.remove();
};

// Shows what waits, once a frame: however fast events come, the page stays usable.
const showWaiting = () => {
  tail.scheduled = false;
  if (!tail.paused) {
    const events = tail.waiting.splice(0);
    const shown = events.slice(-TAIL_ROWS / 2);
    tail.skipped += events.length - shown.length;
    addRows(shown.map(rowOf));
  }
  tailCount();
};

const schedule = () => {
  if (!tail.scheduled) {
    tail.scheduled = true;
    // A page in the background gets no frames.
    if (document.hidden) setTimeout(showWaiting, 500);
    else requestAnimationFrame(showWaiting);
  }
};

const received = (event) => {
  tail.received += 1;
  tail.last = event.lastEventId;
  tail.waiting.push({ id: event.lastEventId, data: event.data, at: Date.now() });
  if (tail.waiting.length > WAITING_MAX) {
    tail.waiting.shift();
    tail.skipped += 1;
  }
  schedule();
};

const told = (kind, words) => {
  tailNotice(words);
  const time = timeOf(Date.now());
  addRows([make("li", { class: `told ${kind}` }, make("span", { class: "time" }, time), words)]);
};

const onGap = (event) => {
  tail.last = event.lastEventId;
  const gap = parsed(event.data);
  const missing = gap.exact ? plural(gap.missing, "event") : `up to ${plural(gap.missing, "event")}`;
  told("gap", `Gap: ${missing} after ${gap.asked} gone (${gap.reason}); it goes on at ${gap.earliest}.`);
};

const onReset = (event) => {
  tail.last = event.lastEventId;
  const reset = parsed(event.data);
  const why = {
    epoch: "the server was restarted, and ids were reset",
    future: "the server does not know that id yet, and ids were reset",
    junk: "the id was none of the server's, and ids were reset",
  }[reset.reason];
  told("reset", `Reset: ${why}. It goes on after ${reset.head}.`);
};

byId("tail-filter").addEventListener("input", () => {
  for (const row of tail.list.children) row.hidden = isHidden(row);
});
byId("tail-pause").addEventListener("click", (event) => {
  tail.paused = !tail.paused;
  event.target.setAttribute("aria-pressed", String(tail.paused));
  setText(event.target, tail.paused ? "Resume" : "Pause");
  schedule();
});
byId("tail-clear").addEventListener("click", () => {
  tail.list.replaceChildren();
  Object.assign(tail, { waiting: [], received: 0, skipped: 0 });
  tailNotice("");
  tailCount();
});

