// An EventSource that says what happens to it. The pages and the shared worker use it.

/** Names of the server's own events. */
const NOTICES = ['gap', 'reset'];
/** How long to wait where the browser has given up, ms. */
const AGAIN_MS = 2000;

export class Source {
  #source = null;
  #timer = 0;
  #lastId = '';

  /**
   * @param settings `{ server, topic, types }`
   * @param tell called with `{ kind, id, text }`; kind is `event`, `gap`, `reset` or `state`
   */
  constructor(settings, tell) {
    this.settings = settings;
    this.tell = tell;
  }

  open() {
    this.close();
    const { server, topic, types } = this.settings;
    const address = new URL('/api/v1/events/stream', server);
    address.searchParams.set('topic', topic);
    // A new EventSource knows no id. One that reconnects by itself sends its own, which beats this.
    if (this.#lastId) address.searchParams.set('last-event-id', this.#lastId);
    const source = new EventSource(address);
    this.#source = source;
    source.onopen = () => this.#state('open');
    source.onerror = () => {
      if (source.readyState === EventSource.CONNECTING) return this.#state('reconnecting');
      // The answer was not 200: the browser never tries again, so the page does.
      const foreign = address.origin !== self.location.origin;
      const hint = foreign ? `: does the server run with --cors-origin ${self.location.origin}?` : '';
      this.#state(`refused, trying again${hint}`);
      this.#timer = setTimeout(() => this.open(), AGAIN_MS);
    };
    for (const type of [...types, ...NOTICES]) {
      source.addEventListener(type, (e) => this.#event(type, e));
    }
  }

  close() {
    clearTimeout(this.#timer);
    if (!this.#source) return;
    this.#source.close();
    this.#source = null;
    this.#state('disconnected');
  }

  #state(text) {
    this.tell({ kind: 'state', id: this.#lastId, text });
  }

  #event(type, e) {
    this.#lastId = e.lastEventId;
    const notice = NOTICES.includes(type);
    const text = notice ? words(type, JSON.parse(e.data)) : `${type} ${e.data}`;
    this.tell({ kind: notice ? type : 'event', id: e.lastEventId, text });
  }
}

/** What a gap or a reset says. */
export function words(type, told) {
  if (type === 'gap') {
    const number = `${told.exact ? '' : 'at most '}${told.missing}`;
    return `gap: ${number} events are missing before ${told.earliest} (${told.reason})`;
  }
  return `reset: ${told.asked} means nothing here (${told.reason}); going on after ${told.head}`;
}
