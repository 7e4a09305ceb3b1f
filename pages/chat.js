// One socket to /chat; comes back by itself after a break. No library, no build step.
'use strict';

const element = (id) => document.getElementById(id);
const messages = element('messages');
let socket = null;
let mine = 0;
let wait = 500;

function show(text, state) {
  element('status').textContent = text;
  element('status').dataset.state = state;
}

function add(line) {
  const atEnd = messages.scrollTop + messages.clientHeight >= messages.scrollHeight - 8;
  const item = document.createElement('li');
  if (line.kind === 'says') {
    const name = document.createElement('span');
    const text = document.createElement('span');
    item.className = line.id === mine ? 'said own' : 'said';
    name.className = 'who';
    name.textContent = line.name;
    text.className = 'bubble';
    text.textContent = line.text;
    item.append(name, text);
  } else {
    item.className = 'event';
    item.textContent = line.text;
  }
  messages.append(item);
  while (messages.children.length > 200) messages.firstChild.remove();
  if (atEnd) messages.scrollTop = messages.scrollHeight;
}

function receive(event) {
  const line = JSON.parse(event.data);
  if (line.kind === 'you') { mine = line.id; return; }
  const here = line.here;
  element('here').textContent = `${here} ${here === 1 ? 'page is' : 'pages are'} here`;
  if (line.kind === 'came') line.text = line.id === mine ? `You are here as ${line.name}.` : `${line.name} came.`;
  if (line.kind === 'left') line.text = `${line.name} left.`;
  add(line);
}

function connect() {
  const name = element('name').value.trim();
  const url = new URL(`/chat${name ? `?name=${encodeURIComponent(name)}` : ''}`, location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const opened = new WebSocket(url);
  socket = opened;
  opened.onopen = () => { wait = 500; show('connected', 'open'); };
  opened.onmessage = receive;
  opened.onclose = (event) => {
    if (socket !== opened) return;
    show(`closed with ${event.code}; coming back…`, 'closed');
    setTimeout(connect, wait * (1 + Math.random()));
    wait = Math.min(wait * 2, 10000);
  };
}

element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = element('text').value.trim();
  if (!text || socket.readyState !== WebSocket.OPEN) return;
  socket.send(text);
  element('text').value = '';
});

// Another name is another visitor.
element('name').addEventListener('change', () => {
  sessionStorage.setItem('name', element('name').value);
  const old = socket;
  socket = null;
  old.close(1000);
  connect();
});

element('name').value = sessionStorage.getItem('name') || '';
connect();
