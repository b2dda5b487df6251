// The whole truth about this repository: gates, then every test file in a process of its own.
// Plain Node: it also runs where nothing is installed yet.
//   npm test              everything
//   npm test -- bus       the test files whose path holds "bus"
//   npm test -- --tests   every test file, no gates
import { spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, install } from '../src/prepare.mjs';
import { installPrograms } from './support/programs.mjs';

const AT_ONCE = 2;
// For what hangs: a slow machine may take a whole file of real processes three times as long.
const FILE_LIMIT_MS = 300_000;
const GATE_LIMIT_MS = 300_000;

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const scratch = mkdtempSync(join(tmpdir(), 'conductor-test-'));
// What tests leave behind goes with it. Open to others: some tests run a command as one who is not root.
chmodSync(scratch, 0o755);
mkdirSync(join(scratch, 'tmp'), { mode: 0o755 });
const groups = new Set();
let passed = 0;
let failed = 0;
let skipped = 0;

const killGroup = (pid) => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
};

/** Runs Node in a group of its own; output goes through a file, so that a forgotten grandchild cannot hold us. */
const node = (name, args, limit) =>
  new Promise((done) => {
    const started = Date.now();
    const path = join(scratch, name.replaceAll(/[^\w.-]/g, '_'));
    const output = openSync(path, 'w');
    const env = {
      ...process.env,
      NO_COLOR: '1',
      FORCE_COLOR: '0',
      NODE_NO_WARNINGS: '1',
      TMPDIR: join(scratch, 'tmp'),
    };
    const child = spawn(process.execPath, args, { env, detached: true, stdio: ['ignore', output, output] });
    closeSync(output);
    if (child.pid) groups.add(child.pid);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child.pid);
    }, limit);
    const finish = (code, why) => {
      clearTimeout(timer);
      if (child.pid) {
        killGroup(child.pid);
        groups.delete(child.pid);
      }
      const text = readFileSync(path, 'utf8');
      done({
        code,
        text,
        why: late ? `no end within ${limit / 1_000} s` : why,
        seconds: (Date.now() - started) / 1_000,
      });
    };
    child.once('error', (error) => finish(1, error.message));
    child.once('exit', (code, signal) =>
      finish(code, signal ? `ended by ${signal}` : code ? `exit ${code}` : undefined),
    );
  });

const report = (name, { text, why, seconds }, ok, words) => {
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}  ${ok ? words : (why ?? words)}  ${seconds.toFixed(1)} s`);
  if (!ok) console.log(text.trimEnd().replaceAll(/^/gm, '     '));
};

const gate = async ([name, args]) => {
  const result = await node(`gate-${name}`, args, GATE_LIMIT_MS);
  const ok = result.code === 0 && !result.why;
  if (ok) passed += 1;
  else failed += 1;
  report(name, result, ok, 'gate');
};

const testFile = async (file) => {
  const result = await node(file, ['--import', 'tsx', file], FILE_LIMIT_MS);
  // A test that hangs ends the process without a summary: no summary, no pass.
  const total = Number(/^\s*Total:\s+(\d+)/m.exec(result.text)?.[1] ?? 0);
  const good = Number(/^\s*Passed:\s+(\d+)/m.exec(result.text)?.[1] ?? 0);
  const left = Number(/^\s*Skipped:\s+(\d+)/m.exec(result.text)?.[1] ?? 0);
  const bad = total - good || (total + left === 0 || result.code !== 0 || result.why ? 1 : 0);
  passed += good;
  failed += bad;
  skipped += left;
  const words = `${good} of ${total}${left === 0 ? '' : `, ${left} skipped`}`;
  report(file, result, bad === 0, total + left === 0 ? 'no summary of tests' : words);
};

const each = async (items, work) => {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
};

const leave = () => {
  for (const pid of groups) killGroup(pid);
  rmSync(scratch, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    leave();
    process.exit(1);
  });
}

const bin = (name) => join('node_modules', name);
const GATES = [
  ['types', [bin('typescript/bin/tsc'), '-p', 'tsconfig.json']],
  ['lint', [bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0']],
  ['format', [bin('prettier/bin/prettier.cjs'), '--check', '.', '--log-level', 'warn']],
  ['floors', [join('test', 'house', 'floors.mjs')]],
];

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const wanted = (file) => words.length === 0 || words.some((word) => file.includes(word));
const files = readdirSync('test', { recursive: true })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => join('test', file).split(sep).join('/'))
  .filter(wanted)
  .sort();

if (!install()) {
  console.log('FAIL install');
  console.log('0 passed, 1 failed');
  process.exit(1);
}
if (build()) passed += 1;
else failed += 1;
console.log(`${failed === 0 ? 'ok  ' : 'FAIL'} build  gate`);
installPrograms();

if (words.length === 0 && !process.argv.includes('--tests')) await each(GATES, gate);
await each(files, testFile);
leave();

if (files.length === 0) {
  console.log('FAIL no test file');
  failed += 1;
}
console.log(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
process.exitCode = failed === 0 ? 0 : 1;
