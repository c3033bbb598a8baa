// sse_read.cjs NODE_MODULES FILE: the events of a stream as npm's eventsource-parser reads them, as JSON:
// [[name, id, data], ...]. Fails when a line of the stream is no field.
const { createRequire } = require('node:module');
const [modules, file] = process.argv.slice(2);
const { createParser } = createRequire(modules + '/x.js')('eventsource-parser');
const events = [];
let last = '';
const parser = createParser({
  onEvent(event) {
    if (event.id !== undefined) last = event.id;
    events.push([event.event || 'message', last, event.data]);
  },
  onError(error) {
    throw error;
  },
});
const stream = require('node:fs').readFileSync(file);
parser.feed(new TextDecoder('utf-8', { fatal: true }).decode(stream));
console.log(JSON.stringify(events));
