// Many tabs, one connection: the worker has it, and each tab a port to the worker.
import { publishing, settings, show } from './page.js';

// Tabs with the same name share a worker, so each server and topic has one.
const name = JSON.stringify(settings());
const worker = new SharedWorker('worker.js', { type: 'module', name });

worker.port.onmessage = ({ data }) => {
  if (data.kind === 'tabs') {
    document.getElementById('tabs').textContent = data.count === 1 ? 'this tab' : `${data.count} tabs`;
  } else {
    show(data);
  }
};
// A worker is not told when a tab goes. One that comes back from the browser's cache starts anew.
addEventListener('pagehide', () => worker.port.postMessage('bye'));
addEventListener('pageshow', (e) => e.persisted && location.reload());
worker.port.postMessage('hello');
publishing(settings());
