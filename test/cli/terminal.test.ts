import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { treeLines, type LiveRun } from '../../src/cli/live-tree.js';
import { cleanEnvironment, command, startService, temporary, tool, until, type Service } from '../support/service.js';

const cwd = temporary('terminal');
const env = cleanEnvironment({ TERM: 'xterm' });
writeFileSync(join(cwd, 'config.yaml'), 'timers: {}\n');

let service: Service;
test.before(async () => {
  service = await startService([], { cwd, env });
});
test.after(async () => void (await service.stop()));

/** The command at a terminal of its own. */
const atTerminal = (name: string, words: string) => {
  const line = `stty cols 70 rows 20; exec '${process.execPath}' '${command(name)}' ${words}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], { cwd, env });
  let shown = '';
  child.stdout.on('data', (bytes: Buffer) => (shown += bytes.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { ended, shown: () => shown, press: (keys: string) => child.stdin.write(keys) };
};
const conductor = (...args: string[]) => tool('conductor', args, { cwd, env });
const ask = (id: string, prompt: string) =>
  conductor('task', 'create', '--task', id, '--agent', 'shell', '--prompt', prompt);

test('top shows what runs, follows it, and gives the terminal back', async () => {
  for (const key of ['q', '\u0003']) {
    await ask(`long-${key.charCodeAt(0)}`, 'sleep 300');
    const { shown, press, ended } = atTerminal('conductor', 'top');
    await until('a frame shows it', () => shown().includes(`default/long-${key.charCodeAt(0)}`));
    assert.match(shown(), /^\u001B\[\?1049h\u001B\[\?25l/);
    assert.match(shown(), /1 at work, 0 waiting/);
    await conductor('task', 'stop', `long-${key.charCodeAt(0)}`);
    await until('a later frame does not', () => /0 at work/.test(shown()));
    press(key);
    assert.is(await ended, 0);
    assert.match(shown(), /\u001B\[\?25h\u001B\[\?1049l$/);
    // No line is wider than the terminal, so none of a frame is drawn twice.
    for (const line of shown().split(/\r?\n/)) assert.ok(line.replaceAll(/\u001B\[[\d;?]*[A-Za-z]/g, '').length <= 70);
  }
});

test('a task that is waited for is shown with its children, their times and how they ended; a pipe gets plain lines', async () => {
  const child = `'${process.execPath}' '${command('run-agent')}' task --task-id below --agent shell --prompt 'until [ -e both ]; do sleep 0.05; done'`;
  writeFileSync(join(cwd, 'both.sh'), `${child}\n`);
  const words = 'task create --task both --agent shell --prompt-file both.sh --wait';
  const { shown, ended } = atTerminal('conductor', words);
  const both = /\u001B\[\d+A\u001B\[J[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] shell {2}\S+ {2}run\r\n {2}[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] shell {2}\S+ {2}below\r\n/;
  await until('both are shown', () => both.test(shown()) || undefined);
  writeFileSync(join(cwd, 'both'), '');
  assert.is(await ended, 0);
  assert.match(shown(), /✓ shell {2}\S+ {2}run\r\n {2}✓ shell {2}\S+ {2}below\r\n$/);
  const plain = await conductor(...words.split(' '));
  assert.is(plain.stdout, 'both\n');
  assert.match(
    plain.stderr,
    /^· shell starts {2}run\n· shell starts {2}below\n✓ shell {2}\S+ {2}below\n✓ shell {2}\S+ {2}run\n$/,
  );
});

test('watch shows the tree below its lines, and only its lines to a pipe', async () => {
  await ask('seen', 'until [ -e seen ]; do sleep 0.05; done');
  const { shown, ended } = atTerminal('run-agent', 'watch --task seen');
  await until('it is shown', () => /shell {2}\S+ {2}run/.test(shown()) || undefined);
  writeFileSync(join(cwd, 'seen'), '');
  assert.is(await ended, 0);
  assert.match(shown(), /default\/seen\tcompleted/);
  assert.match(shown(), /✓ shell {2}\S+ {2}run\r\n$/);
  const piped = await tool('run-agent', ['watch', '--task', 'seen'], { cwd, env });
  assert.match(piped.stdout, /^default\/seen\tcompleted\t\w+\n$/);
  assert.is(piped.stderr, '');
});

test('batch shows its runs as they go, and only its lines to a pipe', async () => {
  const words = `batch --agent shell --task one --prompt 'until [ -e one ]; do sleep 0.05; done' --task two --prompt 'exit 2' --max-concurrent 2`;
  const { shown, ended } = atTerminal('run-agent', words);
  await until('it is shown', () => /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] shell {2}\S+ {2}one\r\n/.test(shown()) || undefined);
  writeFileSync(join(cwd, 'one'), '');
  assert.is(await ended, 2);
  const line = (task: string, how: string) =>
    new RegExp(`\\n(\u001B\\[\\d+A\u001B\\[J)?${task}\\t[\\d-]+\\t${how}\r\n`);
  assert.match(`\n${shown()}`, line('one', 'completed\t0'));
  assert.match(`\n${shown()}`, line('two', 'failed\t2'));
  assert.match(shown(), /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] shell {2}\S+ {2}one\r\n/);
  const last = shown().split('\u001B[J').at(-1)!;
  assert.match(last, /✓ shell {2}\S+ {2}one\r\n/);
  assert.match(last, /✗ shell {2}\S+ {2}two\r\n/);
  const piped = await tool('run-agent', ['batch', '--agent', 'shell', '--prompt', 'true'], { cwd, env });
  assert.match(piped.stdout, /^task-\S+\t[\d-]+\tcompleted\t0\n$/);
  assert.is(piped.stderr, '');
});

test('the newest runs are shown where not all have room, and no text of an agent steers the terminal', () => {
  const run = (n: number): [string, LiveRun] => [
    String(n),
    {
      run_id: String(n),
      parent_run_id: undefined,
      agent: 'codex',
      name: `n\u001B[2J${n}`,
      since: '2026-11-21T08:00:00Z',
    },
  ];
  const lines = treeLines(new Map(Array.from({ length: 9 }, (_, n) => run(n))), {
    frame: 0,
    now: Date.parse('2026-11-21T08:00:41Z'),
    width: 20,
    height: 2,
  });
  assert.equal(lines, ['⠋ codex  41s  n [2J', '⠋ codex  41s  n [2J']);
});

test.run();
