// A WebSocket that says what happens to it, comes back and goes on where it was: a browser's does not.
import { binaryEvent } from './binary.js';
import { words } from './source.js';

/** About the first wait before it comes back, ms; each one after it is twice as long. */
const AGAIN_MS = 500;
/** The longest wait, ms. */
const AGAIN_MAX_MS = 15_000;

export class Socket {
  #socket = null;
  #timer = 0;
  #tries = 0;
  #returnAfter = 0;
  #lastId = '';

  /**
   * @param settings `{ server, topic }`
   * @param tell called with `{ kind, id, text }`; kind is `event`, `gap`, `reset` or `state`
   */
  constructor(settings, tell) {
    this.settings = settings;
    this.tell = tell;
  }

  open() {
    this.close();
    const { server, topic } = this.settings;
    const address = new URL('/api/v1/ws', server);
    address.protocol = address.protocol.replace('http', 'ws');
    address.searchParams.set('topic', topic);
    if (this.#lastId) address.searchParams.set('last-event-id', this.#lastId);
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.#state('open');
    };
    socket.onmessage = (e) => this.#message(e.data);
    // One that `close` has left behind says nothing any more.
    socket.onclose = () => socket === this.#socket && this.#lost(opened);
  }

  close() {
    clearTimeout(this.#timer);
    if (!this.#socket) return;
    const socket = this.#socket;
    this.#socket = null;
    socket.close();
    this.#state('disconnected');
  }

  /** Comes back when the server said to, or after a wait that doubles; chance spreads the pages. */
  #lost(opened) {
    this.#socket = null;
    const longest = Math.min(AGAIN_MAX_MS, AGAIN_MS * 2 ** this.#tries);
    const wait = this.#returnAfter || longest * (0.5 + Math.random() / 2);
    this.#tries += 1;
    this.#returnAfter = 0;
    this.#timer = setTimeout(() => this.open(), wait);
    // Why a handshake failed is told to nobody: no server, or one that refuses this page.
    const hint = opened ? '' : `: is there a server, with --cors-origin ${location.origin}?`;
    this.#state(`reconnecting in ${(wait / 1000).toFixed(1)} s${hint}`);
  }

  #state(text) {
    this.tell({ kind: 'state', id: this.#lastId, text });
  }

  #message(data) {
    const message = typeof data === 'string' ? JSON.parse(data) : binaryEvent(data);
    const { type, id } = message;
    // The id of a welcome counts where there is no other: the gap or the reset that explains it follows.
    if (id && (type !== 'welcome' || !this.#lastId)) this.#lastId = id;
    if (type === 'welcome') {
      this.#tries = 0;
      this.#state('open');
    } else if (type === 'bye') {
      this.#returnAfter = message.retry_ms;
    } else if (type === 'event') {
      // What was sent to this connection alone has no id: the last one stands, as in an EventSource.
      this.tell({ kind: 'event', id: this.#lastId, text: `${message.event} ${shown(message)}` });
    } else if (type === 'gap' || type === 'reset') {
      this.tell({ kind: type, id, text: words(type, { ...message, head: id }) });
    }
  }
}

/** JSON comes as it is, text as a string with its content type, anything else as bytes. */
function shown({ data, bytes, datacontenttype }) {
  if (bytes) return `${bytes.length} bytes`;
  return datacontenttype ? data : JSON.stringify(data) ?? '';
}
