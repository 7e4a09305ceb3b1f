// npm's ws, as it is installed for the tests in tests/browser: the same two paths.
import { createRequire } from 'node:module';
const require = createRequire(new URL('../../tests/browser/package.json', import.meta.url));
const { WebSocketServer } = require('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false });
server.on('connection', (socket, request) => {
  const toAll = request.url === '/all';
  socket.on('message', (data, isBinary) => {
    if (!toAll) { socket.send(data, { binary: isBinary }); return; }
    for (const client of server.clients) client.send(data, { binary: isBinary });
  });
});
