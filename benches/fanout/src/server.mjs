// server.mjs PORT: Server-Sent Events on node's http. A frame is made once for all clients.
import { createServer } from 'node:http';

const clients = new Set();
let id = 0;
const server = createServer((request, response) => {
  if (request.method === 'POST') {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const frame = Buffer.from(`id: ${id++}\ndata: ${Buffer.concat(parts)}\n\n`);
      for (const client of clients) client.write(frame);
      response.end('ok');
    });
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  response.flushHeaders();
  clients.add(response);
  request.on('close', () => clients.delete(response));
  response.on('error', () => clients.delete(response));
});
server.requestTimeout = 0;
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
