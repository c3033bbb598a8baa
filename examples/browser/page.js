// What all pages show: the state, the last id, the newest events, and a form that publishes.

/** Entries that stay on the page. */
const SHOWN = 200;

const element = (id) => document.getElementById(id);

/** The settings in the page's address. */
export function settings() {
  const given = new URLSearchParams(location.search);
  return {
    server: given.get('server') ?? 'http://127.0.0.1:8080',
    topic: given.get('topic') ?? 'demo',
    types: (given.get('types') ?? 'message').split(','),
  };
}

/** Shows what a source tells. What comes from outside is text, never markup. */
export function show({ kind, id, text }) {
  element('last').textContent = id || 'none';
  if (kind === 'state') {
    element('state').textContent = text;
    return;
  }
  const line = document.createElement('li');
  line.className = kind;
  const name = document.createElement('span');
  name.className = 'id';
  name.textContent = id;
  line.append(name, text);
  const log = element('log');
  log.prepend(line);
  while (log.children.length > SHOWN) log.lastChild.remove();
}

/** Lets the button disconnect and connect again. */
export function connecting(connection) {
  const button = element('connect');
  let connected = true;
  button.addEventListener('click', () => {
    connected = !connected;
    button.textContent = connected ? 'Disconnect' : 'Connect';
    if (connected) connection.open();
    else connection.close();
  });
}

/** Lets the form publish to the topic that is shown; a pattern is no name, so `demo` it is then. */
export function publishing({ server, topic }) {
  const name = /[*>]/.test(topic) ? 'demo' : topic;
  element('publish').addEventListener('submit', async (e) => {
    e.preventDefault();
    const address = new URL(`/api/v1/topics/${encodeURIComponent(name)}/events`, server);
    const headers = { 'Content-Type': 'application/json' };
    try {
      const answer = await fetch(address, { method: 'POST', headers, body: element('data').value });
      const told = await answer.json();
      element('answer').textContent = answer.ok ? `published as ${told.first}` : told.detail;
    } catch (error) {
      element('answer').textContent = `not published: ${error.message}`;
    }
  });
}
