// Draws /metrics once a second and shows /events as they come. No library, no build step.
'use strict';

const history = { rate: [], open: [], sent: [] };
let before = null;

// Prometheus text: one sample in each line, "name{labels} value". Sums over the loops.
function readMetrics(text) {
  const sums = new Map();
  const buckets = new Map();
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(?:\{([^}]*)\})? (\S+)$/.exec(line);
    if (!match) continue;
    const value = Number(match[3]);
    sums.set(match[1], (sums.get(match[1]) || 0) + value);
    const bound = /le="([^"]+)"/.exec(match[2] || '');
    if (bound && match[1] === 'rawhttp_request_duration_seconds_bucket')
      buckets.set(bound[1], (buckets.get(bound[1]) || 0) + value);
  }
  return { sums, buckets, time: performance.now() };
}

function show(id, value, text) {
  const values = history[id];
  values.push(value);
  if (values.length > 60) values.shift();
  document.getElementById(id).textContent = text;
  const top = Math.max(1, ...values);
  const points = values.map((v, i) => `${60 - values.length + i},${(19 - 18 * v / top).toFixed(2)}`);
  document.querySelector(`#${id}-line polyline`).setAttribute('points', points.join(' '));
}

function bytes(value) {
  const units = ['B', 'KB', 'MB', 'GB'];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit++; }
  return `${value < 10 && unit ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

function seconds(value) {
  if (value === '+Inf') return 'more';
  const n = Number(value);
  return n < 0.001 ? `${Math.round(n * 1e6)} µs` : n < 1 ? `${Math.round(n * 1e3)} ms` : `${n.toFixed(1)} s`;
}

// The buckets of Prometheus are cumulative; a histogram shows the differences.
function drawHistogram(buckets) {
  const svg = document.getElementById('histogram');
  const counts = [];
  let sum = 0;
  for (const [bound, upTo] of buckets) {
    counts.push([bound, upTo - sum]);
    sum = upTo;
  }
  const top = Math.max(1, ...counts.map(([, count]) => count));
  const width = 640 / Math.max(1, counts.length);
  svg.replaceChildren();
  counts.forEach(([bound, count], i) => {
    const height = 150 * count / top;
    const bar = document.createElementNS(svg.namespaceURI, 'rect');
    bar.setAttribute('class', 'bar');
    bar.setAttribute('x', i * width + 3);
    bar.setAttribute('y', 170 - Math.max(height, 1));
    bar.setAttribute('width', width - 6);
    bar.setAttribute('height', Math.max(height, 1));
    bar.setAttribute('rx', 2);
    const title = document.createElementNS(svg.namespaceURI, 'title');
    title.textContent = `up to ${seconds(bound)}: ${count}`;
    bar.append(title);
    svg.append(bar);
    if (i % 3 === 0) {
      const label = document.createElementNS(svg.namespaceURI, 'text');
      label.setAttribute('class', 'axis');
      label.setAttribute('x', i * width + 3);
      label.setAttribute('y', 190);
      label.textContent = seconds(bound);
      svg.append(label);
    }
  });
}

async function tick() {
  try {
    const answer = await fetch('/metrics', { cache: 'no-store' });
    const now = readMetrics(await answer.text());
    const get = (name) => now.sums.get(name) || 0;
    if (before) {
      const elapsed = (now.time - before.time) / 1000;
      const per = (name) => (get(name) - (before.sums.get(name) || 0)) / elapsed;
      const rate = per('rawhttp_requests_total');
      show('rate', rate, rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en'));
      show('sent', per('rawhttp_sent_bytes_total'), bytes(per('rawhttp_sent_bytes_total')));
    }
    show('open', get('rawhttp_connections_open'), String(get('rawhttp_connections_open')));
    document.getElementById('refused').textContent = get('rawhttp_rejected_heads_total');
    drawHistogram(now.buckets);
    before = now;
  } catch (error) {
    document.getElementById('rate').textContent = 'no answer';
    before = null;
  }
  setTimeout(tick, 1000);
}

function listen() {
  const log = document.getElementById('events');
  const lines = [];
  const add = (line) => {
    lines.push(line);
    if (lines.length > 100) lines.shift();
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    log.textContent = lines.join('\n');
    if (atEnd) log.scrollTop = log.scrollHeight;
  };
  const source = new EventSource('/events');
  source.addEventListener('counter', (event) => add(`id ${event.lastEventId}  ${event.data}`));
  source.onerror = () => add('the connection broke; coming back…');
}

tick();
listen();
