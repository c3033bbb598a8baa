// One page, one connection.
import { connecting, publishing, settings, show } from './page.js';
import { Source } from './source.js';

const source = new Source(settings(), show);
connecting(source);
publishing(settings());
source.open();
