// Chromium without a window, spoken to through its debugging pipe (no package needed): each event
// of a page's EventSource as a line "id TAB name TAB data" on standard output.
// Usage: node chromium.mjs CHROMIUM PROFILE-FOLDER PAGE SCRIPT
//   opens PAGE, then runs SCRIPT in it; what the page logs with console.log is printed. Each line of
//   standard input is run in the page as well; its end ends the browser.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const [program, profile, page, script] = process.argv.slice(2);
const flags = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
  '--no-proxy-server', `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank',
];
// Certificates of a test are its own.
if (page.startsWith('https:')) flags.unshift('--ignore-certificate-errors');
const browser = spawn(program, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
browser.on('exit', (code) => process.exit(code ?? 1));
const [, , , to, from] = browser.stdio;
const answers = new Map();
let number = 0;
function send(method, params = {}, sessionId = undefined) {
  number += 1;
  to.write(`${JSON.stringify({ id: number, method, params, sessionId })}\0`);
  return new Promise((resolve, reject) => answers.set(number, { resolve, reject, method }));
}

function take(text) {
  const message = JSON.parse(text);
  if (message.method === 'Runtime.consoleAPICalled') {
    process.stdout.write(`${message.params.args.map((a) => a.value).join('\t')}\n`);
  } else if (message.method === 'Page.loadEventFired') {
    loaded();
  } else if (answers.has(message.id)) {
    const { resolve, reject, method } = answers.get(message.id);
    answers.delete(message.id);
    const error = message.error ?? message.result.exceptionDetails;
    if (error) reject(new Error(`${method}: ${JSON.stringify(error)}`));
    else resolve(message.result);
  }
}

let rest = '';
from.setEncoding('utf8').on('data', (data) => {
  const parts = (rest + data).split('\0');
  rest = parts.pop();
  parts.forEach(take);
});

let loaded;
const load = new Promise((resolve) => { loaded = resolve; });
const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
await send('Runtime.enable', {}, sessionId);
await send('Page.enable', {}, sessionId);
await send('Page.navigate', { url: page }, sessionId);
await load;
const run = (expression) => send('Runtime.evaluate', { expression }, sessionId);
await run(script);
createInterface({ input: process.stdin })
  .on('line', run)
  .on('close', () => browser.kill('SIGKILL'));
