// npm's `eventsource`: each event as a line "id TAB name TAB data" on standard output.
// Usage: node eventsource.mjs MODULE-FOLDER URL
import { createRequire } from 'node:module';

const [folder, url] = process.argv.slice(2);
const { EventSource } = createRequire(`${folder}/`)('eventsource');
const say = (...fields) => process.stdout.write(`${fields.join('\t')}\n`);
const source = new EventSource(url);
for (const name of ['message', 'gap', 'reset']) {
  source.addEventListener(name, (e) => say(e.lastEventId, e.type, e.data));
}
source.addEventListener('open', () => say('', 'open', ''));
source.addEventListener('error', () => {
  // After an answer that is not 200 an EventSource never tries again: the standard wants it so.
  say('', source.readyState === EventSource.CLOSED ? 'closed' : 'retrying', '');
});
