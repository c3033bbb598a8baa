// The shared worker: one EventSource, and every tab hears of it.
import { Source } from './source.js';

/** Events that a new tab is shown. */
const KEPT = 50;

const ports = new Set();
const kept = [];
let state = { kind: 'state', id: '', text: 'connecting' };

const source = new Source(JSON.parse(self.name), (told) => {
  if (told.kind === 'state') {
    state = told;
  } else {
    kept.push(told);
    if (kept.length > KEPT) kept.shift();
  }
  tell(told);
});

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

function hello(port) {
  if (ports.has(port)) return;
  for (const told of kept) port.postMessage(told);
  port.postMessage(state);
  ports.add(port);
  tell({ kind: 'tabs', count: ports.size });
  if (ports.size === 1) source.open();
}

function bye(port) {
  ports.delete(port);
  tell({ kind: 'tabs', count: ports.size });
  if (ports.size === 0) source.close();
}

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => (data === 'hello' ? hello(port) : bye(port));
};
