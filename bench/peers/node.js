// Node's http as a peer: no framework, one process, the same few answers.
// usage: node node.js PORT [TLS-PORT CERT KEY]
'use strict';
const http = require('http');
const https = require('https');
const fs = require('fs');

const page = (name) =>
  `<!DOCTYPE html><title>Welcome</title><p>Welcome, ${name.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)}!`;

function answer(response, status, type, body) {
  response.writeHead(status, {
    'Server': 'rawhttp-uv', 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function handle(request, response) {
  const [path, query] = request.url.split('?', 2);
  if (path === '/ping') return answer(response, 200, 'text/plain', 'pong');
  if (path === '/json') {
    return answer(response, 200, 'application/json', JSON.stringify({ message: 'Hello, World!' }));
  }
  if (path === '/welcome') {
    const name = new URLSearchParams(query).get('name') || '';
    return answer(response, 200, 'text/html; charset=utf-8', page(name));
  }
  if (path === '/echo') {
    response.writeHead(200, { 'Content-Type': request.headers['content-type'] || 'text/plain' });
    return request.pipe(response);
  }
  if (path === '/login') {
    let body = '';
    request.on('data', (part) => { body += part; });
    request.on('end', () => {
      const form = new URLSearchParams(body);
      const known = form.get('username') === 'admin' && form.get('password') === 'secret';
      answer(response, known ? 200 : 401, 'text/html; charset=utf-8', known ? 'Login successful' : 'Unauthorized');
    });
    return undefined;
  }
  return answer(response, 404, 'text/plain', 'not found');
}

const [port, tlsPort, cert, key] = process.argv.slice(2);
const settings = { keepAliveTimeout: 120000, requestTimeout: 0 };
const plain = http.createServer(settings, handle);
plain.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
if (tlsPort) {
  const secure = https.createServer(
    { ...settings, cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, handle);
  secure.listen({ port: Number(tlsPort), host: '127.0.0.1', backlog: 4096 });
}
