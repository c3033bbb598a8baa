// What the tail comes over: Server-Sent Events or a WebSocket. The page's address remembers it.

const STREAM = "api/v1/events/stream?names=none&format=cloudevents";
const overSocket = () => new URLSearchParams(location.search).get("transport") === "websocket";

const tailQuery = (after) => {
  const query = new URLSearchParams();
  for (const pattern of byId("tail-topic").value.split(/[\s,]+/)) {
    if (pattern) query.append("topic", pattern);
  }
  if (after) query.set("last-event-id", after);
  return query;
};

// Follows the topics asked for: what is new, or what came `after` an id.
const followTail = (after = "") => {
  tail.source?.close();
  clearTimeout(tail.source?.retry);
  tail.last = after;
  const query = tailQuery(after);
  const [pill, text] = [byId("tail-state"), byId("tail-state-text")];
  setState(pill, text, "connecting", "connecting");
  const open = () => (overSocket() ? new EventSocket(query) : new EventSource(`${STREAM}&${query}`));
  const source = follow(open, pill, text);
  tail.source = source;
  source.addEventListener("message", received);
  source.addEventListener("gap", onGap);
  source.addEventListener("reset", onReset);
  source.addEventListener("again", () => explain(source, query, () => followTail(tail.last)));
  // A socket comes back by itself.
  source.addEventListener("unanswered", () => explain(source, query, () => {}));
};

// Why nothing comes: neither transport tells, a request does. Goes on where nothing is wrong with what
// was asked for.
const explain = async (source, query, goOn) => {
  let problem = null;
  try {
    const answer = await fetch(`${STREAM}&${query}`, { headers: { accept: "application/json" } });
    if (answer.status >= 400 && answer.status < 500) problem = await answer.json();
    else await answer.body?.cancel();
  } catch {
    // Nobody answers.
  }
  if (source !== tail.source) return;
  if (!problem) return goOn();
  source.close();
  setState(byId("tail-state"), byId("tail-state-text"), "lost", "refused");
  tailNotice(problem.detail);
  byId("tail-topic").setAttribute("aria-invalid", String(problem.field === "topic"));
};

const showTransport = () => {
  const name = overSocket() ? "websocket" : "sse";
  for (const choice of byId("tail-transport").elements) choice.checked = choice.value === name;
  byId("tail-times").hidden = !overSocket();
};

byId("tail-form").addEventListener("submit", (event) => {
  event.preventDefault();
  byId("tail-topic").removeAttribute("aria-invalid");
  tailNotice("");
  followTail();
});
byId("tail-transport").addEventListener("change", ({ target }) => {
  const url = new URL(location.href);
  if (target.value === "websocket") url.searchParams.set("transport", "websocket");
  else url.searchParams.delete("transport");
  history.replaceState(null, "", url);
  showTransport();
  followTail(tail.last);
});
showTransport();
followTail();

