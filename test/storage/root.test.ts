import { mkdtemp, readFile, stat, writeFile, chmod, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConductorError } from '../../src/core/errors.js';
import { holdRoot, openRoot } from '../../src/storage/root.js';

const fresh = (): Promise<string> => mkdtemp(join(tmpdir(), 'root-'));
const failure = async (work: () => Promise<unknown>): Promise<ConductorError> => {
  try {
    await work();
  } catch (error) {
    assert.instance(error, ConductorError);
    return error as ConductorError;
  }
  throw new Error('it did not fail');
};
const module = new URL('../../src/storage/root.ts', import.meta.url).pathname;
const other = (code: string) =>
  execa(process.execPath, [
    ...['--import', 'tsx', '--input-type=module'],
    '-e',
    `import { openRoot, holdRoot } from ${JSON.stringify(module)};\n${code}`,
  ]);

test('makes a private root and finds it again', async () => {
  const root = join(await fresh(), 'deep', 'runs');
  const first = await openRoot(root);
  const second = await openRoot(root);
  assert.is(first.path, root);
  assert.is(first.root_id, second.root_id);
  assert.is(first.key.length, 32);
  assert.ok(first.key.equals(second.key));
  assert.is((await stat(join(root, '.conductor'))).mode & 0o777, 0o700);
  assert.is((await stat(join(root, '.conductor/key'))).mode & 0o777, 0o600);
});

test('all who race see one root', async () => {
  const root = await fresh();
  const code = `const r = await openRoot(${JSON.stringify(root)}); console.log(r.root_id + r.key.toString('hex'))`;
  const [processes, here] = await Promise.all([
    Promise.all([other(code), other(code), other(code)]),
    Promise.all(Array.from({ length: 20 }, () => openRoot(root))),
  ]);
  const seen = new Set([...processes.map((p) => p.stdout), ...here.map((r) => r.root_id + r.key.toString('hex'))]);
  assert.is(seen.size, 1);
});

test('refuses a later format, damage and a lost key', async () => {
  const root = await fresh();
  await openRoot(root);
  const file = join(root, '.conductor/root.json');
  const good = await readFile(file, 'utf8');
  await writeFile(file, good.replace('"format":1', '"format":2'));
  assert.match((await failure(() => openRoot(root))).message, 'format 2');
  await writeFile(file, 'not json');
  assert.is((await failure(() => openRoot(root))).code, 'storage');
  await writeFile(file, good);
  await writeFile(join(root, '.conductor/key'), 'short');
  assert.match((await failure(() => openRoot(root))).message, 'hexadecimal');
});

test('says so when the root cannot be written', async () => {
  const parent = await fresh();
  await writeFile(join(parent, 'file'), '');
  assert.is((await failure(() => openRoot(join(parent, 'file', 'runs')))).code, 'storage');
  if (process.getuid?.() !== 0) {
    await mkdir(join(parent, 'locked'));
    await chmod(join(parent, 'locked'), 0o500);
    assert.match((await failure(() => openRoot(join(parent, 'locked')))).message, 'not writable');
  }
});

test('one service a root, whoever asks', async () => {
  const root = await fresh();
  await openRoot(root);
  const held = await holdRoot(root, { port: 1 });
  const error = await failure(() => holdRoot(root));
  assert.is(error.code, 'root_in_use');
  assert.match(error.message, String(process.pid));
  const { stdout } = await other(`await holdRoot(${JSON.stringify(root)}).catch((e) => console.log(e.code))`);
  assert.is(stdout, 'root_in_use');
  await held.close();
  await held.close();
  await (await holdRoot(root)).close();
});

test('a killed service leaves the root free', async () => {
  const root = await fresh();
  await openRoot(root);
  const holder = other(
    `await holdRoot(${JSON.stringify(root)}); console.log(process.pid); setInterval(() => {}, 1000)`,
  );
  holder.catch(() => {});
  const pid = await new Promise<number>((resolve) => holder.stdout.once('data', (d: Buffer) => resolve(Number(d))));
  assert.is((await failure(() => holdRoot(root))).details?.['pid'], pid);
  process.kill(pid, 'SIGKILL');
  await holder.catch(() => {});
  await (await holdRoot(root)).close();
});

test.run();
