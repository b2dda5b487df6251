// An agent CLI that does what its prompt tells it, in the JSONL of its family: `fake-agent.mjs claude|codex|gemini|plain`.
// The prompt holds one line `SCRIPT [...]`, a list of acts; without one it says "done".
//   {"say": text}  {"tool": command}  {"write": [path, text]}  {"stderr": text}  {"sleep": ms}  {"retry": message}
//   {"cost": usd}  {"usage": [in, out]}  {"daemon" | "clean" | "hidden": path}  {"children": n}  {"deaf": true}  {"flood": bytes}
//   {"turn": [path, scripts]}  {"half": text}  {"env": path}  {"result": true | "what went wrong"}  {"hang": true}  {"exit": code}  {"kill": signal}
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync, writeSync } from 'node:fs';

const [family = 'plain', ...args] = process.argv.slice(2);
const prompt = readFileSync(0, 'utf8');
const script = /^SCRIPT (\[.*\])$/m.exec(prompt)?.[1];
const acts = script === undefined ? [{ say: 'done' }, { result: true }] : JSON.parse(script);
const resuming = args.findIndex((word) => word === '--resume' || word === 'resume');
const budget = args.includes('--max-budget-usd') ? Number(args[args.indexOf('--max-budget-usd') + 1]) : Infinity;
const session = resuming < 0 ? `session-${process.pid}` : args[resuming + 1];

const out = (text) => {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) done += writeSync(1, bytes, done);
};
const line = (value) => out(`${JSON.stringify(value)}\n`);
let said = '';
let usd = 0;
let tokens = { input_tokens: 0, output_tokens: 0 };
let calls = 0;

const speak = {
  claude: {
    begin: () =>
      line({ type: 'system', subtype: 'init', session_id: session, model: 'fake-model', cwd: process.cwd() }),
    say: (text) => line({ type: 'assistant', message: { id: 'm', content: [{ type: 'text', text }] } }),
    call: (command) =>
      line({
        type: 'assistant',
        message: { content: [{ type: 'tool_use', id: `t${calls}`, name: 'Bash', input: { command } }] },
      }),
    answer: (output, ok) =>
      line({
        type: 'user',
        message: { content: [{ type: 'tool_result', tool_use_id: `t${calls}`, content: output, is_error: !ok }] },
      }),
    retry: (message) =>
      line({ type: 'system', subtype: 'api_retry', attempt: 1, max_retries: 2, error_status: 529, error: message }),
    cost: () => undefined,
    // A failed call of the API ends with the subtype "success".
    result: (ok, text) =>
      line({
        type: 'result',
        subtype: 'success',
        is_error: !ok,
        result: text,
        total_cost_usd: usd,
        usage: tokens,
        session_id: session,
      }),
  },
  codex: {
    begin: () => {
      line({ type: 'thread.started', thread_id: session });
      line({ type: 'turn.started' });
    },
    say: (text) => line({ type: 'item.completed', item: { id: 'i', type: 'agent_message', text } }),
    call: (command) =>
      line({
        type: 'item.started',
        item: { id: `t${calls}`, type: 'command_execution', command, status: 'in_progress' },
      }),
    answer: (output, ok) =>
      line({
        type: 'item.completed',
        item: {
          id: `t${calls}`,
          type: 'command_execution',
          aggregated_output: output,
          status: ok ? 'completed' : 'failed',
        },
      }),
    retry: (message) => line({ type: 'error', message: `Reconnecting... 1/1 (${message})` }),
    cost: () => undefined,
    result: (ok, text) =>
      ok ? line({ type: 'turn.completed', usage: tokens }) : line({ type: 'turn.failed', error: { message: text } }),
  },
  gemini: {
    begin: () => line({ type: 'init', session_id: session, model: 'fake-model' }),
    say: (text) => {
      const half = Math.ceil(text.length / 2);
      for (const content of [text.slice(0, half), text.slice(half)])
        line({ type: 'message', role: 'assistant', content, delta: true });
    },
    call: (command) =>
      line({ type: 'tool_use', tool_name: 'run_shell_command', tool_id: `t${calls}`, parameters: { command } }),
    answer: (output, ok) =>
      line({ type: 'tool_result', tool_id: `t${calls}`, status: ok ? 'success' : 'error', output }),
    retry: (message) => process.stderr.write(`${message}\n`),
    cost: () => undefined,
    result: (ok, text) =>
      line({
        type: 'result',
        status: ok ? 'success' : 'error',
        ...(ok ? {} : { error: { message: text } }),
        stats: tokens,
      }),
  },
  plain: {
    begin: () => undefined,
    say: (text) => out(`${text}\n`),
    call: () => undefined,
    answer: (output) => out(output),
    retry: (message) => process.stderr.write(`${message}\n`),
    cost: () => undefined,
    result: (ok, text) => (ok ? undefined : process.stderr.write(`${text}\n`)),
  },
}[family];

/** Two forks and a session of its own, as daemons do; it notes its pid and stays. */
const daemon = (path, { clean = '', keeps = false }) => {
  const redirect = keeps ? '>/dev/null </dev/null' : '>/dev/null 2>&1 </dev/null';
  const stay = `trap "" TERM HUP; echo $$ >>"$1"; exec sleep 1000`;
  const start = `(${clean} /bin/sh -c '${stay}' daemon "$1" ${redirect} &)`;
  spawnSync('setsid', ['/bin/sh', '-c', start, 'x', path], { stdio: ['ignore', 'ignore', 'inherit'] });
};

const does = {
  say: (text) => {
    said = text;
    speak.say(text);
  },
  tool: (command) => {
    calls += 1;
    speak.call(command);
    // As the real ones do: each tool in a session of its own.
    const done = spawnSync('setsid', ['-w', '/bin/sh', '-c', command], { encoding: 'utf8' });
    speak.answer(`${done.stdout}${done.stderr}`, done.status === 0);
  },
  write: ([path, text]) => writeFileSync(path.replace('$OUTPUT', process.env.CONDUCTOR_OUTPUT ?? ''), text),
  stderr: (text) => process.stderr.write(`${text}\n`),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  retry: (message) => speak.retry(message),
  cost: (value) => (usd = value),
  usage: ([input_tokens, output_tokens]) => (tokens = { input_tokens, output_tokens }),
  daemon: (path) => daemon(path, {}),
  // Without its environment, but with the file of stderr still open; and with nothing left of where it comes from.
  clean: (path) => daemon(path, { clean: 'env -i', keeps: true }),
  hidden: (path) => daemon(path, { clean: 'env -i' }),
  children: (count) => {
    for (let made = 0; made < count; made += 1) spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }).unref();
  },
  deaf: () => process.on('SIGTERM', () => undefined),
  flood: (bytes) => {
    const block = `${'x'.repeat(1023)}\n`.repeat(64);
    for (let done = 0; done < bytes; done += block.length) out(block);
  },
  half: (text) => out(text),
  env: (path) => writeFileSync(path, JSON.stringify({ env: process.env, args, prompt, cwd: process.cwd() })),
  note: (path) => appendFileSync(path, `${process.pid}\n`),
  // As claude does: it looks between two calls, so what was spent is over the budget when it stops.
  result: (ok) =>
    usd > budget ? speak.result(false, 'error_max_budget_usd') : speak.result(ok === true, ok === true ? said : ok),
  hang: () => new Promise(() => setInterval(() => undefined, 1_000)),
  exit: (code) => process.exit(code),
  kill: (signal) => process.kill(process.pid, signal),
};

const perform = async (list) => {
  for (const act of list) for (const [name, value] of Object.entries(act)) await does[name](value);
};
/** Its first script the first time, then the next; counted in the file. A resumed one is asked something else. */
does.turn = async ([path, turns]) => {
  const before = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).count : 0;
  writeFileSync(path, JSON.stringify({ count: before + 1, turns }));
  await perform(turns[before]);
};

speak.begin();
const memory = process.env.FAKE_AGENT_MEMORY;
if (script !== undefined && acts[0]?.turn && memory) writeFileSync(memory, JSON.stringify(acts));
await perform(script === undefined && memory && existsSync(memory) ? JSON.parse(readFileSync(memory, 'utf8')) : acts);
process.exit(0);
