// One page, one WebSocket.
import { connecting, publishing, settings, show } from './page.js';
import { Socket } from './socket.js';

const socket = new Socket(settings(), show);
connecting(socket);
publishing(settings());
socket.open();
