// An echo on npm's ws: what comes is sent back, text as text, binary as binary.
import { WebSocketServer } from 'ws';

const options = { host: '127.0.0.1', port: 0, path: '/echo', perMessageDeflate: false };
const server = new WebSocketServer(options, () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
