// Old files of the bus go, by `conductor gc` and by the service; what they said is still known.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openBlobs } from '../../src/bus/blobs.js';
import { openFileBus } from '../../src/bus/file-bus.js';
import { closedSegments } from '../../src/bus/segments.js';
import { readSettings } from '../../src/bus/settings.js';
import type { Bus } from '../../src/core/ports.js';
import { openLedger } from '../../src/ledger/ledger.js';
import { openRoot } from '../../src/storage/root.js';
import { all, handClock } from '../contract/bus.js';
import { cleanEnvironment, startService, temporary, tool, until } from '../support/service.js';

const DAY = 86_400_000;
const env = cleanEnvironment();
const large = (word: string): Record<string, string> => ({ text: `${word} `.repeat(20_000) });

/** What the router says when it has decided everything up to now. */
const routed = async (bus: Bus): Promise<void> => {
  const [last] = await all(bus.read({ tail: 1 }));
  const nothing = { fired: [], held: [], suppressed: [], errors: [], windows: {} };
  const data = { from: '', to: await bus.end(), last: last?.msg_id, table: 't', events: 1, ...nothing };
  await bus.record([{ type: 'ROUTED', data }]);
};

interface OldRoot {
  path: string;
  /** sha256 by what they are named for. */
  blobs: Record<'gone' | 'again' | 'payload' | 'nobodys' | 'fresh', string>;
}

/** A root with forty days on its bus: a file a day, each a few kilobytes. `asked`: a task that nobody carried was asked for then. */
const oldRoot = async (asked?: number): Promise<OldRoot> => {
  const folder = temporary('retention');
  const { path, key } = await openRoot(join(folder, 'runs'));
  const clock = handClock(Date.now() - 40 * DAY);
  const rotation = { bytes: Infinity, age_ms: DAY };
  const bus = await openFileBus({ root: path, key, clock, durability: 'os', rotation });
  const store = openBlobs(path, false);
  const put = async (text: string): Promise<string> => (await store.put(Buffer.from(text))).sha256;
  const payload = await put('a payload');
  const nobodys = await put('nobody named it');
  const named = async (word: string): Promise<string> => {
    const folder = join(path, '.conductor', 'blobs');
    const before = new Set(existsSync(folder) ? readdirSync(folder) : []);
    await bus.append([{ type: 'NOTE', data: large(word) }]);
    return readdirSync(folder).find((name) => !before.has(name))!;
  };
  const gone = await named('gone');
  const again = await named('again');
  await bus.record([{ type: 'CONDUCTOR_PAUSED', data: {} }]);
  for (let day = 0; day < 40; day += 1) {
    clock.time += DAY;
    await bus.append([{ type: 'NOTE', body: `day ${day}`, dedupe_key: `day/${day}` }]);
    if (day === asked) await bus.record([{ type: 'TASK_REQUESTED', project_id: 'p', task_id: 'open', data: {} }]);
    if (day === 30) await bus.append([{ type: 'NOTE', data: large('again') }]);
    if (day === 31) await bus.append([{ type: 'NOTE', data: { payload: { sha256: payload } } }]);
    await routed(bus);
  }
  await bus.close();
  const blobsFolder = join(path, '.conductor', 'blobs');
  for (const name of readdirSync(blobsFolder)) {
    const then = new Date(Date.now() - 30 * DAY);
    utimesSync(join(blobsFolder, name), then, then);
  }
  const fresh = await put('about to be named');
  return { path, blobs: { gone, again, payload, nobodys, fresh } };
};

const isThere = ({ path, blobs }: OldRoot): Record<string, boolean> =>
  Object.fromEntries(
    Object.entries(blobs).map(([name, sha256]) => [name, existsSync(join(path, '.conductor', 'blobs', sha256))]),
  );
const numbers = ({ path }: OldRoot): number[] => closedSegments(path).map(({ number }) => number);
const gc = (root: OldRoot, ...args: string[]) =>
  tool('conductor', ['gc', '--root', root.path, ...args], { cwd: join(root.path, '..'), env });

test('gc removes the files of the bus that are old, and the blobs that only they named', async () => {
  const root = await oldRoot();
  const before = numbers(root);
  assert.is(before.length, 40);
  assert.equal((await gc(root)).stdout, '', 'nobody asked for it');
  assert.equal(numbers(root), before);
  const dry = await gc(root, '--bus-older-than', '20d', '--dry-run');
  assert.is(dry.code, 0, dry.stderr);
  assert.equal(numbers(root), before);

  const done = await gc(root, '--bus-older-than', '20d', '--json');
  assert.is(done.code, 0, done.stderr);
  const { removed } = JSON.parse(done.stdout) as { removed: { path: string; bytes: number }[] };
  const left = numbers(root);
  assert.ok(left.length >= 19 && left.length <= 21, left.join());
  assert.equal(left, before.slice(-left.length));
  const files = removed.map(({ path }) => path).filter((path) => path.endsWith('.md'));
  assert.equal(files, dry.stdout.trim().split('\n'));
  assert.is(files.length, before.length - left.length);
  assert.ok(removed.every(({ bytes }) => bytes > 0));
  assert.equal(isThere(root), { gone: false, again: true, payload: true, nobodys: false, fresh: true });

  // What they said is known without them, and without the checkpoint.
  rmSync(join(root.path, '.conductor', 'cache'), { recursive: true, force: true });
  const { key } = await openRoot(root.path);
  const bus = await openFileBus({ root: root.path, key, clock: handClock(Date.now()), durability: 'os' });
  const ledger = await openLedger(bus, undefined, { blobs: openBlobs(root.path) });
  assert.ok(ledger.view.paused);
  assert.is(ledger.view.undecided.size, 0);
  await ledger.close();
  const run = await tool('run-agent', ['task', '--root', root.path, '--agent', 'shell', '--prompt', 'true'], { env });
  assert.equal([run.code, /paused/.test(run.stderr)], [1, true]);
  const [again] = (await all(bus.read({ types: ['NOTE'] }))).filter(({ data }) => 'text' in data);
  assert.equal(again?.data, large('again'));
  const [receipt] = await bus.append([{ type: 'NOTE', dedupe_key: 'day/30' }]);
  assert.ok(receipt?.duplicate);
  await bus.close();
  assert.is((await gc(root, '--bus-older-than', '20d')).stdout, '', 'nothing more is old');
  const checked = await tool('messagebus-tool', ['check', '--root', root.path], { env });
  assert.is(checked.code, 0, checked.stdout);
});

test('what something open may ask for stays, however old it is', async () => {
  const root = await oldRoot(10);
  assert.is((await gc(root, '--bus-older-than', '20d')).code, 0);
  const [oldest] = closedSegments(root.path);
  assert.match(readFileSync(oldest!.path, 'utf8'), /^type: TASK_REQUESTED$/m);
});

test('less than a dedupe key counts is refused, as a flag and in the configuration', async () => {
  const root: OldRoot = { path: join(temporary('retention'), 'runs'), blobs: {} as never };
  const flag = await gc(root, '--bus-older-than', '13d');
  assert.equal(
    [flag.code, flag.stderr],
    [2, 'ERROR: --bus-older-than: at least 14d, for so long a dedupe key counts\n'],
  );
  mkdirSync(join(root.path, '..'), { recursive: true });
  writeFileSync(join(root.path, '..', 'config.yaml'), 'bus:\n  keep: 13d\n');
  const file = await gc(root);
  assert.is(file.code, 3);
  assert.match(file.stderr, /config\.yaml:2:9: bus\.keep: at least 14d: so long a dedupe key counts/);
});

test('the service removes what bus.keep does not keep, and starts again from what is left', async () => {
  const root = await oldRoot();
  const folder = join(root.path, '..');
  writeFileSync(
    join(folder, 'config.yaml'),
    'bus: { keep: 20d, segment_bytes: 5000 }\ndefaults: { durability: os }\ntimers: {}\n',
  );
  const service = await startService(['--root', 'runs'], { cwd: folder, env });
  await until('it is said', () =>
    /removed, as bus\.keep asks \{"path":".*MESSAGE-BUS-000001-\w+\.md"/.test(service.output()),
  );
  assert.ok(numbers(root).length < 22);
  // For messagebus-tool.
  assert.equal(readSettings(root.path), { durability: 'os', rotation: { bytes: 5_000, age_ms: 7 * DAY } });
  assert.is(await service.stop(), 0);
  rmSync(join(root.path, '.conductor', 'cache'), { recursive: true, force: true });
  const again = await startService(['--root', 'runs'], { cwd: folder, env });
  const { paused } = (await (
    await fetch(`${again.url}/api/v1/status`, { headers: { authorization: `Bearer ${again.token}` } })
  ).json()) as { paused: boolean };
  assert.ok(paused);
  assert.is(await again.stop(), 0);
});

test.run();
