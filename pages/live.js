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
  const first = 60 - values.length;
  const points = values.map((v, i) => `${first + i},${(19 - 18 * v / top).toFixed(2)}`);
  const graph = document.getElementById(`${id}-line`);
  graph.querySelector('polyline').setAttribute('points', points.join(' '));
  graph.querySelector('polygon').setAttribute('points', `${first},19.5 ${points.join(' ')} 59,19.5`);
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

// The buckets of Prometheus are cumulative; a histogram shows the differences. Drawn in pixels of the window, so that
// the letters keep their size.
function drawHistogram(buckets) {
  const svg = document.getElementById('histogram');
  const counts = [];
  let sum = 0;
  for (const [bound, upTo] of buckets) {
    counts.push([bound, upTo - sum]);
    sum = upTo;
  }
  const top = Math.max(1, ...counts.map(([, count]) => count));
  const step = svg.clientWidth / Math.max(1, counts.length);
  const floor = svg.clientHeight - 24;
  const add = (name, text, attributes) => {
    const element = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    svg.append(element);
  };
  svg.setAttribute('viewBox', `0 0 ${svg.clientWidth} ${svg.clientHeight}`);
  svg.setAttribute('aria-label', 'Latencies: ' + counts.filter(([, count]) => count > 0)
    .map(([bound, count]) => `${count} up to ${seconds(bound)}`).join(', '));
  svg.replaceChildren();
  counts.forEach(([bound, count], i) => {
    const height = Math.max((floor - 20) * count / top, count ? 3 : 1);
    const middle = (i + 0.5) * step;
    add('rect', '', { class: count ? 'bar' : 'bar empty', x: i * step + 2, y: floor - height,
      width: Math.max(step - 4, 1), height, rx: Math.min(3, height / 2) });
    if (count && String(count).length * 8 < step) add('text', count, { class: 'count', x: middle, y: floor - height - 6 });
    if (i % Math.ceil(64 / step) === 0) add('text', seconds(bound), { class: 'axis',
      x: Math.min(Math.max(middle, 24), svg.clientWidth - 24), y: floor + 18 });
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

addEventListener('resize', () => before && drawHistogram(before.buckets));
tick();
listen();
