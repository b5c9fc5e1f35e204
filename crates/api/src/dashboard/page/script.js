'use strict';

// Asks for all that is shown every few seconds, and writes it as text: nothing of it ever becomes markup.

const EVERY_MS = 3000;
const at = (id) => document.getElementById(id);
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

function element(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes, ...children) {
  return fill(document.createElementNS(at('graph').namespaceURI, tag), attributes, children);
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children.filter((it) => it !== null && it !== undefined));
  return made;
}

// Words for figures.

const known = (value) => value !== null && value !== undefined;
const count = (value) => (known(value) ? compact.format(value) : '–');
const percent = (permille) => `${Math.round(permille / 10)} %`;
const clock = (seconds) => (known(seconds) ? moment(new Date(seconds * 1000)) : '–');

function moment(date) {
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString() : date.toLocaleString();
}

function span(ms) {
  if (!known(ms)) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
  const minutes = Math.floor(ms / 60000);
  const seconds = Math.floor((ms % 60000) / 1000);
  if (minutes < 60) return seconds ? `${minutes} min ${seconds} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function bytes(value) {
  if (!known(value)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${value.toFixed(unit && value < 100 ? 1 : 0)} ${units[unit]}`;
}

// Flink's own ends of event time stand for none and for all.
function watermark(ms) {
  if (!known(ms) || ms < -8e15) return '–';
  return ms > 8e15 ? 'end' : moment(new Date(ms));
}

function behind(ms) {
  if (!known(ms) || Math.abs(ms) > 8e15) return '';
  const late = Date.now() - ms;
  return late < 0 ? `${span(-late)} ahead of now` : `${span(late)} behind now`;
}

// What changes is drawn anew, what does not stays as it is, a selection in it too.

const shown = new Map();

function part(id, value, draw) {
  const text = JSON.stringify(value);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  draw(at(id), value);
}

function table(place, titles, rows, nothing) {
  if (!rows.length) return place.replaceChildren(element('p', { class: 'none' }, nothing));
  const head = titles.map(([title, kind]) => element('th', { scope: 'col', class: kind }, title));
  const line = (cells) => element('tr', {}, ...cells.map((cell, nth) => element('td', { class: titles[nth][1] }, cell)));
  place.replaceChildren(element('table', {},
    element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows.map(line))));
}

// The parts of the page.

const GOOD = ['RUNNING', 'HEALTHY', 'SUCCESSFUL'];
const BAD = ['CRASH_LOOP', 'FAILED', 'DELETING'];
const tone = (word) => (GOOD.includes(word) ? 'good' : BAD.includes(word) ? 'bad' : word === 'READY' ? '' : 'warn');
const badge = (word) => element('span', { class: `badge ${tone(word)}` }, word);

function heading(application) {
  const weir = application.Weir || {};
  document.title = `${application.ApplicationName} · Weir`;
  part('name', application.ApplicationName, (place, name) => { place.textContent = name; });
  const facts = [application.RuntimeEnvironment, `version ${application.ApplicationVersionId}`,
    weir.Worker ? `on ${weir.Worker}` : null, weir.Attempt ? `attempt ${weir.Attempt}` : null];
  part('facts', facts.filter(known).join(' · '), (place, words) => { place.textContent = words; });
  const words = [application.ApplicationStatus, weir.Health && weir.Health.Condition].filter(known);
  part('state', words, (place) => place.replaceChildren(...words.map(badge)));
  const health = weir.Health || {};
  const trouble = health.Cause ? ['bad', health.Cause]
    : weir.WaitingFor ? ['warn', `Waits for room: ${weir.WaitingFor}`]
    : health.CheckpointOverdue ? ['warn', 'The latest checkpoint is older than three intervals'] : null;
  part('alert', trouble, (place) => {
    place.hidden = !trouble;
    place.className = trouble ? trouble[0] : '';
    place.textContent = trouble ? trouble[1] : '';
  });
}

function figures(told) {
  const application = told.Application;
  const metrics = told.Metrics || {};
  const named = metrics.Metrics || {};
  const weir = application.Weir || {};
  const last = metrics.LatestCheckpoint;
  const out = named.currentOutputWatermark;
  const failed = metrics.NumberOfFailedCheckpoints || 0;
  const scaled = application.CurrentParallelism !== application.Parallelism ? `configured ${application.Parallelism}, ` : '';
  const all = [
    ['Uptime', metrics.Running ? span(metrics.UptimeMs) : '–', `${metrics.FullRestarts || 0} restarts, down ${span(metrics.DowntimeMs || 0)}`, false],
    ['Parallelism', `${application.CurrentParallelism}`, `${scaled}${application.ParallelismPerKPU} per KPU, autoscaling ${application.AutoScalingEnabled ? 'on' : 'off'}`, false],
    ['KPUs', known(weir.Kpus) ? `${weir.Kpus}` : '–', known(named.cpuUtilization) ? `CPU ${named.cpuUtilization.toFixed(0)} %, memory ${bytes(metrics.ResidentBytes)}` : '', false],
    ['Records in', known(named.numRecordsInPerSecond) ? `${count(named.numRecordsInPerSecond)}/s` : '–', `${count(named.numRecordsIn)} in all`, false],
    ['Records out', known(named.numRecordsOutPerSecond) ? `${count(named.numRecordsOutPerSecond)}/s` : '–', `${count(named.numRecordsOut)} in all`, false],
    ['Watermark', watermark(out), behind(out), false],
    ['Lag', known(named.records_lag_max) ? count(named.records_lag_max) : '–', 'records still to read', false],
    ['Late records', count(metrics.LateRecords), `${count(metrics.MalformedRecords)} malformed`, false],
    ['Last checkpoint', last ? `${span(metrics.LastCheckpointAgeMs)} ago` : '–', last ? `took ${span(last.DurationMs)}, ${bytes(last.StateBytes)}` : 'none yet', Boolean(metrics.CheckpointOverdue)],
    ['Failed checkpoints', `${failed}`, known(application.CheckpointIntervalMs) ? `one every ${span(application.CheckpointIntervalMs)}` : 'taken on demand only', failed > 0],
  ];
  const one = ([title, value, more, worse]) => element('div', worse ? { class: 'worse' } : {},
    element('dt', {}, title), element('dd', {}, value), more ? element('dd', {}, more) : null);
  part('figures', all, (place) => place.replaceChildren(...all.map(one)));
}

const BOX = { width: 200, height: 66, gap: 38 };

// How far from the sources each operator is, by the longest way; and its lane, which is that of what
// feeds it, if nobody has that.
function places(graph) {
  const depth = graph.nodes.map(() => 0);
  for (let round = 0; round < graph.nodes.length; round += 1) {
    for (const edge of graph.edges) depth[edge.to] = Math.max(depth[edge.to], Math.min(depth[edge.from] + 1, graph.nodes.length));
  }
  const taken = new Set();
  const lanes = graph.nodes.map(() => 0);
  for (const nth of [...depth.keys()].sort((one, other) => depth[one] - depth[other])) {
    const feeds = graph.edges.find((edge) => edge.to === nth);
    let lane = feeds ? lanes[feeds.from] : 0;
    while (taken.has(`${depth[nth]} ${lane}`)) lane += 1;
    taken.add(`${depth[nth]} ${lane}`);
    lanes[nth] = lane;
  }
  return depth.map((rank, nth) => ({ rank, lane: lanes[nth] }));
}

function graph(place, { graph: plan, operators, upright }) {
  place.replaceChildren();
  if (!plan || !plan.nodes || !plan.nodes.length) { place.setAttribute('width', 0); place.setAttribute('height', 0); return; }
  const { width, height, gap } = BOX;
  const corner = places(plan).map(({ rank, lane }) => (upright
    ? { x: 2 + lane * (width + 16), y: 2 + rank * (height + gap / 1.5) }
    : { x: 2 + rank * (width + gap), y: 2 + lane * (height + 16) }));
  place.setAttribute('width', Math.max(...corner.map((it) => it.x)) + width + 2);
  place.setAttribute('height', Math.max(...corner.map((it) => it.y)) + height + 2);
  for (const edge of plan.edges) {
    const [from, to] = [corner[edge.from], corner[edge.to]];
    const curve = upright
      ? `M${from.x + width / 2} ${from.y + height} C${from.x + width / 2} ${from.y + height + 20} ${to.x + width / 2} ${to.y - 20} ${to.x + width / 2} ${to.y}`
      : `M${from.x + width} ${from.y + height / 2} C${from.x + width + 24} ${from.y + height / 2} ${to.x - 24} ${to.y + height / 2} ${to.x} ${to.y + height / 2}`;
    place.append(drawn('path', { d: curve }));
  }
  plan.nodes.forEach((node, nth) => place.append(box(node, operators[node.id], corner[nth])));
}

function box(node, figures, { x, y }) {
  const { width, height } = BOX;
  const cut = (text) => (text.length > 26 ? `${text.slice(0, 25)}…` : text);
  const busy = figures ? figures.BusyPermille : 0;
  const pressed = figures ? figures.BackpressuredPermille : 0;
  const long = width - 20;
  const share = (permille) => Math.min(long, (long * permille) / 1000);
  return drawn('g', {},
    drawn('title', {}, `${node.name}\n${node.id}`),
    drawn('rect', { class: pressed > 500 ? 'box pressed' : 'box', x, y, width, height, rx: 6 }),
    drawn('text', { x: x + 10, y: y + 20 }, cut(node.name)),
    drawn('text', { class: 'quiet', x: x + 10, y: y + 37 },
      figures ? `in ${count(figures.RecordsIn)} · out ${count(figures.RecordsOut)}` : 'no figures yet'),
    drawn('rect', { class: 'track', x: x + 10, y: y + 48, width: long, height: 6, rx: 3 }),
    drawn('rect', { class: 'busy', x: x + 10, y: y + 48, width: share(busy), height: 6, rx: 3 }),
    drawn('rect', { class: 'pressure', x: x + 10 + share(busy), y: y + 48, width: Math.min(share(pressed), long - share(busy)), height: 6, rx: 3 }));
}

function operators(told) {
  const found = (told.Metrics && told.Metrics.Operators) || {};
  const plan = told.Graph;
  part('graph', { graph: plan, operators: found, upright: innerWidth < 640 }, graph);
  const order = plan && plan.nodes ? plan.nodes.map((node) => node.id) : [];
  const ids = [...order.filter((id) => found[id]), ...Object.keys(found).filter((id) => !order.includes(id))];
  const titles = [['Operator', ''], ['In', 'number'], ['Out', 'number'], ['Late', 'number'], ['Lag', 'number'],
    ['Busy', 'number'], ['Back-pressure', 'number'], ['Watermark', 'time']];
  const rows = ids.map((id) => {
    const it = found[id];
    return [it.Name, count(it.RecordsIn), count(it.RecordsOut), count(it.LateRecords), count(it.LagRecords),
      percent(it.BusyPermille), percent(it.BackpressuredPermille), watermark(it.Watermark)];
  });
  part('operators', rows, (place) => table(place, titles, rows, 'No figures: the job does not run.'));
}

function history(told) {
  const waiting = Object.values((told.Waiting && told.Waiting.Operators) || {}).map((it) => it.Explanation);
  part('waiting', waiting, (place) => {
    place.replaceChildren(...waiting.map((words) => element('li', {}, words)));
    at('waiting-section').hidden = !waiting.length;
  });
  part('checkpoints', told.Checkpoints, (place, all) => table(place,
    [['Checkpoint', ''], ['Recorded', 'time'], ['Took', 'number'], ['State', 'number']],
    all.map((it) => [`${it.CheckpointId}`, clock(it.RecordedAt), span(it.DurationMs), bytes(it.StateBytes)]), 'None yet.'));
  part('operations', told.Operations, (place, all) => table(place,
    [['Operation', ''], ['Began', 'time'], ['Status', '']],
    all.map((it) => [it.Operation, clock(it.StartTime), badge(it.OperationStatus)]), 'None yet.'));
  part('events', told.Events, (place, all) => table(place,
    [['When', 'time'], ['Event', ''], ['What', 'words']], all.map((it) => [clock(it.At), it.Kind, it.Message]), 'None yet.'));
}

let lastLine = 0;

function log(lines) {
  const place = at('log');
  const bottom = place.scrollHeight - place.scrollTop - place.clientHeight < 24;
  for (const line of lines.filter((it) => it.Sequence > lastLine)) {
    lastLine = line.Sequence;
    place.append(element('li', { class: line.Level },
      element('span', { class: 'time' }, `${clock(line.At)} `), `${line.Level} ${line.Logger}: ${line.Message}`,
      line.Throwable ? `\n${line.Throwable}` : null));
  }
  while (place.childElementCount > 500) place.firstElementChild.remove();
  if (bottom) place.scrollTop = place.scrollHeight;
}

function show(told) {
  heading(told.Application);
  figures(told);
  operators(told);
  history(told);
  log(told.LogLines);
}

function fresh(words, stale) {
  const place = at('fresh');
  if (place.textContent !== words) place.textContent = words;
  place.classList.toggle('stale', stale);
}

async function look() {
  let again = true;
  try {
    const path = location.pathname.replace(/\/$/, '');
    const answer = await fetch(`${path}/data`, { cache: 'no-store', credentials: 'same-origin' });
    if (answer.ok) {
      show(await answer.json());
      fresh('Live', false);
    } else if (answer.status === 403) {
      again = false;
      fresh('The session is over, or the application is gone. Ask for a new URL.', true);
    } else {
      fresh('The service does not answer as it should. What is shown is old.', true);
    }
  } catch (error) {
    fresh('The service cannot be reached. What is shown is old.', true);
  }
  if (again) setTimeout(whenSeen, EVERY_MS);
}

// Nobody looks at a hidden page.
function whenSeen() {
  if (!document.hidden) return look();
  document.addEventListener('visibilitychange', whenSeen, { once: true });
}

look();
