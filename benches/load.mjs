/**
 * Measures a running server from outside and prints the figures as a Markdown table.
 *
 *     node benches/load.mjs TASKWRIGHT SCRIPTED_AGENT
 *
 * Needs Node 20 and git, and uses `wrk` where it is there. The server gets a free port, a home and a data directory of
 * its own in a scratch folder, which is removed at the end; it is ended by its process number together with its agents.
 * All counts are fixed and the whole run is bounded by `LONGEST_RUN_MS`.
 *
 * How the figures come about:
 * - Client, server, agents and git share the machine, so every rate is what is left for the server beside them.
 * - Requests: 32 keep-alive connections of this one process, each sending its next request when the last is answered.
 *   This client is slower than the server on short answers; the rows of `wrk` show the server rather than the client.
 *   The server keeps a page of the task list until a task changes, so the list is measured also while tasks are made
 *   one after another.
 * - Agent's line to client: the agent runs `date +%s%N` every 25 ms, and its output is the content of the line that
 *   the agent writes right after. The delay is from that time to the line's arrival in this process by the same clock.
 *   It contains the end of `date`'s process and its shell, and the time until the agent gets a processor, so it is an
 *   upper bound. The part from the event's own time, at which the server has read the line and begins to
 *   write it into the log, is told beside it; that time is in whole milliseconds, rounded down.
 * - Start to process: from just before `POST …/start` is sent until the event that tells that the agent's process runs
 *   has come in by the stream of all events; with a worktree it contains git making one.
 * - Talkative tasks: all are started at once, each writes its lines without a pause and then ends. Each task has a stream
 *   of its own, on which every line's number must come exactly once and in order; else this program fails.
 * - Plugin decisions: `duration_us` of the log's `decision.made` events, as the server measured them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { cpus, loadavg, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const LONGEST_RUN_MS = 8 * 60_000;
const LONGEST_WAIT_MS = 90_000;
const CONNECTIONS = 32;
const LOAD_MS = 5_000;
const TASKS = 1_000;
const AT_ONCE = 20;
const LINES = 200;
const DECISIONS = 100;

const bare = { use_worktree: false, generate_tests: false, auto_commit: false };
const scripted = (...steps) => ['Do what the script says.', '', '```script', ...steps, '```'].join('\n');

/** The server, with what is needed to speak to it. */
class Server {
  constructor(program, agent, scratch) {
    Object.assign(this, { program, agent, scratch, data: join(scratch, 'data'), home: join(scratch, 'home') });
    mkdirSync(this.home, { recursive: true });
    this.http = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  }

  /** Starts it and answers after how many milliseconds it listens. */
  async start() {
    const begin = performance.now();
    this.process = spawn(this.program, ['serve', '--listen', '127.0.0.1:0', '--stop-agents'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        PATH: process.env.PATH,
        HOME: this.home,
        TMPDIR: this.scratch,
        TASKWRIGHT_DATA_DIR: this.data,
        TASKWRIGHT_ROOTS: this.scratch,
        TASKWRIGHT_AGENT_COMMAND: this.agent,
        TASKWRIGHT_AGENT_ENV: 'SCRIPTED_AGENT_STATE',
        TASKWRIGHT_MAX_RUNNING: String(2 * AT_ONCE),
        TASKWRIGHT_LOG: 'warn',
        SCRIPTED_AGENT_STATE: join(this.scratch, 'agent'),
      },
    });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.base = await within('the start', new Promise((resolve, reject) => {
      let text = '';
      this.process.stdout.on('data', (piece) => {
        text += piece;
        const address = /listening on (http:\S+)\n/.exec(text);
        if (address) resolve(address[1]);
      });
      this.process.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)));
    }));
    this.token = readFileSync(join(this.data, 'token'), 'utf8').trim();
    this.headers = { Authorization: `Bearer ${this.token}` };
    return performance.now() - begin;
  }

  async stop() {
    if (!this.process || this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGTERM');
    await Promise.race([this.ended, pause(30_000, null, { ref: false })]);
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGKILL');
      await this.ended;
    }
  }

  /** One request; answers `{status, text}`. */
  request(method, path, body) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { ...this.headers };
    if (text !== undefined) {
      headers['Content-Type'] = 'application/json';
      headers['Content-Length'] = Buffer.byteLength(text);
    }
    return new Promise((resolve, reject) => {
      const sent = http.request(this.base + path, { method, headers, agent: this.http }, (answer) => {
        const pieces = [];
        answer.on('data', (piece) => pieces.push(piece));
        answer.on('end', () => resolve({ status: answer.statusCode, text: Buffer.concat(pieces).toString() }));
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }

  /** A request that must succeed; answers its JSON. */
  async ask(method, path, body) {
    const { status, text } = await this.request(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text);
  }

  create(name, description, more = {}) {
    const task = { task_name: name, description, root_folder: this.repository, auto_start: false, ...more };
    return this.ask('POST', '/api/v1/tasks', task);
  }

  /** Follows a stream of events; `heard` gets each with the time of its arrival. `done` settles when the server ends it. */
  async follow(path, heard) {
    const headers = { ...this.headers, Accept: 'text/event-stream' };
    const request = http.request(this.base + path, { headers, agent: false });
    request.end();
    const answer = await new Promise((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', reject);
    });
    if (answer.statusCode !== 200) throw new Error(`GET ${path}: ${answer.statusCode}`);
    answer.setEncoding('utf8');
    let rest = '';
    answer.on('data', (piece) => {
      const at = clock();
      const blocks = (rest + piece).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const field = (name) => block.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        const data = field('data');
        if (data !== undefined) heard({ event: field('event'), ...JSON.parse(data) }, at);
      }
    });
    const done = new Promise((resolve) => answer.once('close', resolve));
    answer.on('error', () => {});
    return { done, close: () => request.destroy() };
  }

  /** Memory in MB, as the kernel counts it. */
  memory() {
    const text = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    const megabytes = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)[1]) / 1024;
    return { own: megabytes('RssAnon'), all: megabytes('VmRSS'), peak: megabytes('VmHWM') };
  }
}

/** The time since 1970 in milliseconds, finer than `Date.now`, which tells it in whole milliseconds. */
let clockOffset = 0;
const clock = () => performance.now() + clockOffset;
function setClock() {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  clockOffset = now - performance.now();
}

function within(what, promise, milliseconds = LONGEST_WAIT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${milliseconds / 1000} s`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The value below which this part of all lies. */
function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)];
}

const median = (values) => quantile(values, 0.5);
const largest = (values) => values.reduce((a, b) => Math.max(a, b), 0);
const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const ms = (value) => `${digits(value)} ms`;
const mb = ({ own, all }) => `${own.toFixed(1)} MB own (RssAnon), ${all.toFixed(1)} MB in all (VmRSS)`;
const rate = (value) => `${Math.round(value).toLocaleString('en')}/s`;

/** Sends requests over all connections for a while, or until so many are answered. */
async function load(send, most = Infinity) {
  const times = [];
  let next = 0;
  const begin = performance.now();
  const worker = async () => {
    while (next < most && (most !== Infinity || performance.now() - begin < LOAD_MS)) {
      const number = next++;
      const sent = performance.now();
      const { status, text } = await send(number);
      if (status >= 300) throw new Error(`request ${number}: ${status} ${text}`);
      times.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const seconds = (performance.now() - begin) / 1000;
  return `${rate(times.length / seconds)}, p50 ${ms(median(times))}, p99 ${ms(quantile(times, 0.99))}`;
}

const onPath = (program) => process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));

/** The same by `wrk`; nothing where it is not installed. */
async function wrk(server, path) {
  if (!onPath('wrk')) return undefined;
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${LOAD_MS / 1000}s`, '--latency'];
  const run = spawn('wrk', [...options, '-H', `Authorization: Bearer ${server.token}`, server.base + path]);
  let text = '';
  run.stdout.on('data', (piece) => (text += piece));
  try {
    await within('wrk', new Promise((resolve) => run.once('close', resolve)));
  } finally {
    run.kill();
  }
  if (/Non-2xx/.test(text)) throw new Error(`wrk was refused:\n${text}`);
  const found = (pattern) => pattern.exec(text)?.[1] ?? '?';
  const per = found(/Requests\/sec:\s+([\d.]+)/);
  return `${rate(Number(per))}, p50 ${found(/50%\s+(\S+)/)}, p99 ${found(/99%\s+(\S+)/)}`;
}

function makeRepository(folder) {
  mkdirSync(folder);
  const git = (...words) => execFileSync('git', ['-C', folder, ...words], { stdio: 'ignore' });
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'Load');
  git('config', 'user.email', 'load@localhost');
  writeFileSync(join(folder, 'README'), 'A repository to work on.\n');
  git('add', '-A');
  git('commit', '-q', '-m', 'First');
  return folder;
}

async function requests(server, row) {
  const list = '/api/v1/tasks?limit=50';
  const status = '/api/v1/tasks/by-name/task%207/status';
  const body = (number) => ({ task_name: `task ${number}`, description: 'Make the parser accept trailing commas.', root_folder: server.repository });
  row(`Create a task (${TASKS.toLocaleString('en')} of them)`, await load((number) => server.request('POST', '/api/v1/tasks', body(number)), TASKS));
  for (const [what, path] of [['Task list, 50 of 1,000', list], ['Task list, 100 of 1,000', '/api/v1/tasks?limit=100'], ['Status of a task', status], ['Health', '/health']]) {
    row(what, await load(() => server.request('GET', path)));
    const figures = await wrk(server, path);
    if (figures) row(`${what}, by wrk`, figures);
  }
  let over = false;
  let made = 0;
  const making = (async () => {
    for (; !over; made++) await server.create(`meanwhile ${made}`, 'Make the parser accept trailing commas.');
  })();
  const begin = performance.now();
  const figures = (await wrk(server, list)) ?? (await load(() => server.request('GET', list)));
  const seconds = (performance.now() - begin) / 1000;
  over = true;
  await making;
  row(`Task list, 50 a page, while ${rate(made / seconds)} tasks are made`, figures);
}

async function memoryWithTasks(server, row) {
  const names = Array.from({ length: AT_ONCE }, (_, number) => `hanging ${number}`);
  let running = 0;
  let all;
  const allRun = new Promise((resolve) => (all = resolve));
  const events = await server.follow('/api/v1/events?kind=task.updated', (event) => {
    if (event.payload?.changes?.agent_process?.state === 'done' && ++running === AT_ONCE) all();
  });
  const script = scripted('say I begin.', 'hang');
  await Promise.all(names.map((name) => server.create(name, script, { generate_tests: false, auto_start: true })));
  await within('starting the tasks', allRun);
  events.close();
  await pause(2_000);
  row(`Memory with ${AT_ONCE} tasks running (the server alone)`, mb(server.memory()));
  await Promise.all(names.map((name) => server.ask('POST', `/api/v1/tasks/by-name/${encodeURIComponent(name)}/stop`)));
}

async function lineDelay(server, row) {
  const steps = Array.from({ length: LINES + 10 }, () => ['run date +%s%N', 'sleep 25']).flat();
  await server.create('clock', scripted(...steps, 'say Done.'), { ...bare, chains: { responder: ['heuristic'] } });
  setClock();
  const delays = [];
  const fromServer = [];
  const stream = await server.follow('/api/v1/tasks/by-name/clock/stream', (event, at) => {
    if (event.kind !== 'agent.tool_result') return;
    delays.push(at - Number(event.payload.content.trim()) / 1e6);
    fromServer.push(at - Date.parse(event.at));
  });
  await server.ask('POST', '/api/v1/tasks/by-name/clock/start');
  await within('the lines', stream.done);
  if (delays.length !== LINES + 10) throw new Error(`${delays.length} lines came instead of ${LINES + 10}`);
  row(`Agent's line to SSE client (${delays.length} lines)`,
    `median ${ms(median(delays))}, p99 ${ms(quantile(delays, 0.99))}, max ${ms(largest(delays))}`);
  row('Of this, from the server having read the line',
    `median ${ms(median(fromServer))}, p99 ${ms(quantile(fromServer, 0.99))}, max ${ms(largest(fromServer))}`);
}

async function startToProcess(server, row) {
  for (const [what, more] of [['in place', bare], ['with a new worktree', { generate_tests: false }]]) {
    const times = [];
    for (let number = 0; number < AT_ONCE; number++) {
      const name = `${what} ${number}`;
      await server.create(name, scripted('say Done.'), more);
      let runs, ends;
      const running = new Promise((resolve) => (runs = resolve));
      const ended = new Promise((resolve) => (ends = resolve));
      const path = `/api/v1/tasks/by-name/${encodeURIComponent(name)}`;
      const stream = await server.follow(`/api/v1/events?task=${encodeURIComponent(name)}`, (event) => {
        if (event.payload?.changes?.agent_process?.state === 'done') runs(performance.now());
        if (['COMPLETED', 'FINISHED', 'FAILED', 'EXHAUSTED'].includes(event.payload?.status)) ends();
      });
      const begin = performance.now();
      await server.ask('POST', `${path}/start`);
      times.push((await within('the agent\'s start', running)) - begin);
      await within('the task', ended);
      stream.close();
    }
    row(`Start of a task to its agent's process, ${what} (${times.length} tasks)`, `median ${ms(median(times))}, max ${ms(largest(times))}`);
  }
}

async function talkative(server, row) {
  const names = Array.from({ length: AT_ONCE }, (_, number) => `talkative ${number}`);
  const script = scripted(`flood ${LINES} 120`, 'say Done.');
  let events = 0;
  let first = Infinity;
  let last = 0;
  const lines = new Map(names.map((name) => [name, []]));
  const streams = [];
  for (const name of names) {
    await server.create(name, script, { generate_tests: false });
    streams.push(await server.follow(`/api/v1/tasks/by-name/${encodeURIComponent(name)}/stream`, (event, at) => {
      events += 1;
      const number = event.kind === 'agent.text' ? /^line (\d+) of /.exec(event.payload.text)?.[1] : undefined;
      if (number === undefined) return;
      lines.get(name).push(Number(number));
      first = Math.min(first, at);
      last = Math.max(last, at);
    }));
  }
  const begin = performance.now();
  await Promise.all(names.map((name) => server.ask('POST', `/api/v1/tasks/by-name/${encodeURIComponent(name)}/start`)));
  let slowest = 0;
  let asked = 0;
  let over = false;
  const asking = (async () => {
    while (!over) {
      const sent = performance.now();
      await server.ask('GET', '/api/v1/tasks?limit=50');
      slowest = Math.max(slowest, performance.now() - sent);
      asked += 1;
      await pause(20);
    }
  })();
  await within('the talkative tasks', Promise.all(streams.map((stream) => stream.done)));
  const took = performance.now() - begin;
  over = true;
  await asking;
  const expected = Array.from({ length: LINES }, (_, index) => index + 1).join();
  const wrong = names.filter((name) => lines.get(name).join() !== expected);
  if (wrong.length > 0) throw new Error(`lines are missing, doubled or out of order in: ${wrong.join(', ')}`);
  row(`${AT_ONCE} talkative tasks at once, ${LINES} lines each`,
    `${(AT_ONCE * LINES).toLocaleString('en')} of ${(AT_ONCE * LINES).toLocaleString('en')} lines on their streams in order; ` +
    `all ended after ${digits(took / 1000)} s; ${rate((AT_ONCE * LINES * 1000) / (last - first))} lines from first to last, ${rate(events / (took / 1000))} events over all`);
  row('Task list meanwhile', `slowest ${ms(slowest)} of ${asked}`);
}

async function decisions(server, row) {
  const steps = Array.from({ length: DECISIONS }, (_, number) => `permit echo ${number}`);
  const durations = [];
  await server.create('asking', scripted(...steps, 'say Done.'), bare);
  const stream = await server.follow('/api/v1/tasks/by-name/asking/stream', (event) => {
    if (event.kind === 'decision.made' && event.payload.plugin === 'heuristic') durations.push(event.payload.duration_us / 1000);
  });
  await server.ask('POST', '/api/v1/tasks/by-name/asking/start');
  await within('the decisions', stream.done);
  if (durations.length < DECISIONS) throw new Error(`only ${durations.length} decisions were made instead of ${DECISIONS}`);
  row(`Decision of the plugin \`heuristic\` (${durations.length})`, `median ${ms(median(durations))}, max ${ms(largest(durations))}`);
}

async function measure(server, rows) {
  const row = (what, figures) => {
    rows.push(`| ${what} | ${figures} |`);
    process.stderr.write(`${what}: ${figures}\n`);
  };
  await server.start();
  await server.stop();
  const ready = await server.start();
  await server.ask('GET', '/health');
  await pause(2_000);
  row('Start until it listens, warm plugin cache', ms(ready));
  row('Memory at rest', mb(server.memory()));
  await memoryWithTasks(server, row);
  await requests(server, row);
  await lineDelay(server, row);
  await startToProcess(server, row);
  await talkative(server, row);
  await decisions(server, row);
  row('Memory after all that', `${mb(server.memory())}; largest ever ${server.memory().peak.toFixed(1)} MB`);
}

async function main() {
  const [program, agent] = process.argv.slice(2);
  if (!program || !agent) {
    process.stderr.write('usage: node benches/load.mjs TASKWRIGHT SCRIPTED_AGENT\n');
    process.exit(2);
  }
  const scratch = mkdtempSync(join(realpathSync(tmpdir()), 'taskwright-load-'));
  const server = new Server(realpathSync(program), realpathSync(agent), scratch);
  const rows = [];
  const before = loadavg()[0];
  const signalled = new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new Error(`ended by ${signal}`)));
  });
  try {
    server.repository = makeRepository(join(scratch, 'repository'));
    await Promise.race([within('the whole run', measure(server, rows), LONGEST_RUN_MS), signalled]);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${error.stack}\n`);
  } finally {
    await server.stop();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
  const machine = `${cpus().length} × ${cpus()[0].model.trim()}; load average ${before.toFixed(1)} before, ${loadavg()[0].toFixed(1)} after`;
  process.stdout.write(`\n| What | Figure |\n|---|---|\n${rows.join('\n')}\n\n${machine}\n`);
  process.exit();
}

await main();
