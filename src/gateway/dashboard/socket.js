// A WebSocket that behaves as an EventSource does: it tells the same events, comes back by itself,
// and goes on where it was.

const RETURN_MS = 500; // about the first wait; each one after it is twice as long
const RETURN_MAX_MS = 15000;

class EventSocket extends EventTarget {
  // `query` has the topics, and the id to go on after if there is one.
  constructor(query) {
    super();
    this.query = new URLSearchParams(query);
    this.tries = 0;
    this.connect();
  }

  connect() {
    this.readyState = EventSource.CONNECTING;
    const url = new URL(`api/v1/ws?${this.query}`, document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("open", () => this.opened());
    this.socket.addEventListener("message", ({ data }) => this.take(data));
    this.socket.addEventListener("close", () => this.lost());
  }

  close() {
    this.readyState = EventSource.CLOSED;
    clearTimeout(this.timer);
    this.socket.close();
  }

  opened() {
    this.readyState = EventSource.OPEN;
    this.dispatchEvent(new Event("open"));
  }

  // Comes back later: when the server said to, or after a wait that doubles. Chance spreads those who
  // were lost together.
  lost() {
    if (this.readyState === EventSource.CLOSED) return;
    const answered = this.readyState === EventSource.OPEN;
    this.readyState = EventSource.CONNECTING;
    const longest = Math.min(RETURN_MAX_MS, RETURN_MS * 2 ** this.tries);
    const wait = this.returnAfter ?? longest * (0.5 + Math.random() / 2);
    this.timer = setTimeout(() => this.connect(), wait);
    this.tries += 1;
    this.returnAfter = undefined;
    this.dispatchEvent(new Event("error"));
    if (!answered) this.dispatchEvent(new Event("unanswered"));
  }

  take(data) {
    const message = typeof data === "string" ? JSON.parse(data) : binaryEvent(data);
    // Where one goes on: a welcome precedes the gap or the reset that explains its id.
    const welcome = message.type === "welcome";
    if (message.id && !(welcome && this.query.has("last-event-id"))) {
      this.query.set("last-event-id", message.id);
    }
    if (welcome) this.tries = 0;
    if (message.type === "bye") this.returnAfter = message.retry_ms;
    const tell = (name, value) => this.tell(name, message.id, JSON.stringify(value));
    if (message.type === "event") this.tell("message", message.id, cloudEvent(message, data));
    if (message.type === "gap") tell("gap", message);
    if (message.type === "reset") tell("reset", { ...message, head: message.id });
  }

  // What was sent to this connection alone has no id: the last one stands, as in an EventSource.
  tell(name, id, data) {
    const lastEventId = id || this.query.get("last-event-id") || "";
    this.dispatchEvent(new MessageEvent(name, { lastEventId, data }));
  }
}

const DATA = ',"data":'; // no string before it can hold that: quotes are escaped there

// The text of the event as CloudEvents has it, so far as a message says, with its data as it came.
const cloudEvent = ({ id, topic, event, datacontenttype, data_base64 }, text) => {
  const json = JSON.stringify({ id, topic, type: event, datacontenttype, data_base64 });
  const at = typeof text === "string" ? text.indexOf(DATA) : -1;
  return at < 0 ? json : json.slice(0, -1) + text.slice(at);
};

