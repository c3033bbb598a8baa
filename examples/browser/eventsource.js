// One page, one connection.
import { publishing, settings, show } from './page.js';
import { Source } from './source.js';

const source = new Source(settings(), show);
const button = document.getElementById('connect');
let connected = true;

button.addEventListener('click', () => {
  connected = !connected;
  button.textContent = connected ? 'Disconnect' : 'Connect';
  if (connected) source.open();
  else source.close();
});
publishing(settings());
source.open();
