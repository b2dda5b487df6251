import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler, type Subscription } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Draft } from '../../src/core/event.js';
import { logInto, type Logged } from '../api/world.js';
import { NOBODY, nobodyReads } from '../support/nobody.js';
import { until as eventually } from '../support/service.js';
import type { Clock } from '../../src/core/ports.js';
import { fileSource, type FileOptions } from '../../src/sources/files.js';
import { Touched } from '../../src/sources/touched.js';

const clock: Clock = { now: () => Date.now(), scheduler: asyncScheduler };
type Change = { path: string; change: string; from?: string };
const log = logInto([]);

let cwd: string;
let running: Subscription | undefined;
test.before.each(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'files-'));
  await mkdir(join(cwd, 'src/deep'), { recursive: true });
  await writeFile(join(cwd, 'src/old.ts'), 'old');
});
test.after.each(async () => {
  running?.unsubscribe();
  await rm(cwd, { recursive: true, force: true });
});

const write = (path: string, text: string): Promise<void> => writeFile(join(cwd, path), text);

/** The real clock, and when the source first waits for something: then it knows what was there. */
const attentive = () => {
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const scheduler = new Proxy(asyncScheduler, {
    get(target, key) {
      if (key === 'schedule') begin();
      return Reflect.get(target, key) as unknown;
    },
  });
  return { begun, clock: { ...clock, scheduler } };
};

/** Opens the source and waits until it has begun to look. */
const watch = async (options: Partial<FileOptions> = {}) => {
  const drafts: Draft[] = [];
  const waiting = new Set<() => void>();
  const { begun, clock: watched } = attentive();
  running = fileSource({
    paths: ['src/**'],
    ignore: ['node_modules'],
    debounce_ms: 30,
    rescan_ms: 200,
    type: 'FILE_CHANGED',
    cwd,
    clock: watched,
    log,
    ...options,
  })
    .open()
    .subscribe(({ drafts: [draft], settle }) => {
      if (draft) drafts.push(draft);
      settle?.({ receipts: [] });
      for (const look of waiting) look();
    });
  const changes = (): Change[] => drafts.flatMap(({ data }) => (data?.['changes'] ?? []) as Change[]);
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  const probe = async (name: string): Promise<void> => {
    await write(`src/${name}`, name);
    await until(() => changes().some(({ path }) => path === `src/${name}`));
  };
  await begun;
  await probe('probe');
  return {
    drafts,
    changes,
    until,
    probe,
    of: (path: string) =>
      changes()
        .filter((one) => one.path === path)
        .map(({ change }) => change),
  };
};

test('created, changed and removed files', async () => {
  const seen = await watch();
  await write('src/deep/new.ts', 'new');
  await write('src/old.ts', 'changed');
  await seen.until(() => seen.of('src/deep/new.ts').length > 0 && seen.of('src/old.ts').length > 0);
  await rm(join(cwd, 'src/old.ts'));
  await seen.until(() => seen.of('src/old.ts').includes('removed'));
  assert.is(seen.of('src/deep/new.ts')[0], 'created');
  assert.is(seen.of('src/old.ts')[0], 'changed');
  assert.is(seen.drafts[0]?.type, 'FILE_CHANGED');
  assert.is(seen.drafts[0]?.source, 'file:src');
});

test('what happens together is one event with the list', async () => {
  const seen = await watch({ debounce_ms: 300, rescan_ms: 60_000 });
  const before = seen.drafts.length;
  await Promise.all(Array.from({ length: 30 }, (_, n) => write(`src/f${String(n).padStart(2, '0')}.ts`, 'x')));
  await seen.until(() => seen.changes().filter(({ path }) => /f\d\d/.test(path)).length === 30);
  // One, unless the machine stood still for longer than the debounce.
  assert.ok(seen.drafts.length - before < 5);
  const data = seen.drafts[before]?.data as { changes: Change[]; count: number };
  assert.is(data.count, data.changes.length);
});

test('the list is bounded, the count is not', async () => {
  const seen = await watch({ debounce_ms: 500, rescan_ms: 60_000 });
  await mkdir(join(cwd, 'many'));
  await Promise.all(Array.from({ length: 1_100 }, (_, n) => write(`many/${n}.ts`, 'x')));
  await rename(join(cwd, 'many'), join(cwd, 'src/many'));
  await seen.until(() => seen.drafts.some(({ data }) => data?.['truncated'] === true));
  const data = seen.drafts.find(({ data }) => data?.['truncated'] === true)?.data as {
    changes: Change[];
    count: number;
  };
  assert.is(data.changes.length, 1_000);
  assert.ok(data.count > 1_000);
});

test('the second of two quick changes is not lost, nor a write that puts the time back', async () => {
  const seen = await watch({ debounce_ms: 1 });
  for (let n = 0; n < 5; n++) {
    const path = `src/quick${n}.ts`;
    await write(path, 'first');
    await seen.until(() => seen.of(path).length === 1);
    const then = new Date(0);
    await write(path, 'again');
    await utimes(join(cwd, path), then, then);
    await seen.until(() => seen.of(path).length >= 2);
  }
});

test('a file that is moved, and a folder with all that is in it', async () => {
  const seen = await watch({ paths: ['src/**', 'lib/**'], debounce_ms: 500, rescan_ms: 60_000 });
  await mkdir(join(cwd, 'lib'));
  await write('src/deep/a.ts', 'a');
  await write('src/deep/b.ts', 'b');
  await seen.until(() => seen.of('src/deep/b.ts').length > 0);
  await rename(join(cwd, 'src/old.ts'), join(cwd, 'src/new.ts'));
  await seen.until(() => seen.of('src/new.ts').length > 0);
  await rename(join(cwd, 'src/deep'), join(cwd, 'lib/deep'));
  await seen.until(() => seen.of('lib/deep/b.ts').length > 0);
  const moves = seen.changes().filter(({ change }) => change === 'moved');
  assert.equal(moves, [
    { path: 'src/new.ts', change: 'moved', from: 'src/old.ts' },
    { path: 'lib/deep/a.ts', change: 'moved', from: 'src/deep/a.ts' },
    { path: 'lib/deep/b.ts', change: 'moved', from: 'src/deep/b.ts' },
  ]);
  assert.equal(seen.of('src/old.ts'), []);
});

test('of thirty thousand files at once none is missed', async () => {
  const seen = await watch({ debounce_ms: 100 });
  const counted = (): number => seen.drafts.reduce((sum, { data }) => sum + (data as { count: number }).count, 0);
  const before = counted();
  for (let folder = 0; folder < 30; folder++) {
    mkdirSync(join(cwd, `src/many${folder}`));
    for (let n = 0; n < 1_000; n++) writeFileSync(join(cwd, `src/many${folder}/${n}.ts`), '');
  }
  await seen.until(() => counted() - before >= 30_000);
  assert.is(counted() - before, 30_000);
});

test('an atomic replacement is a change', async () => {
  const seen = await watch();
  await write('src/.old.tmp', 'replaced');
  await rename(join(cwd, 'src/.old.tmp'), join(cwd, 'src/old.ts'));
  await seen.until(() => seen.of('src/old.ts').includes('changed'));
});

test('ignored folders, other folders and our own bookkeeping stay silent', async () => {
  const seen = await watch({ paths: ['src', '*.md'], ignore: ['node_modules', 'src/out/**'] });
  for (const folder of ['src/node_modules', 'src/out', 'src/.conductor', 'lib', 'src/.git']) {
    await mkdir(join(cwd, folder));
    await write(`${folder}/a.ts`, 'x');
  }
  await write('MESSAGE-BUS.md', 'x');
  await write('a.txt', 'x');
  await write('a.md', 'x');
  await seen.until(() => seen.of('a.md').length > 0);
  await seen.probe('after');
  assert.equal(new Set(seen.changes().map(({ path }) => path)), new Set(['src/probe', 'a.md', 'src/after']));
});

test('what runs write into the root is told to nobody but who watches a folder in it', async () => {
  await mkdir(join(cwd, 'runs/acme/one'), { recursive: true });
  const root = join(cwd, 'runs');
  const all = await watch({ paths: ['.'], root });
  await write('runs/acme/one/agent-stdout.txt', 'x');
  await write('runs2', 'x');
  await all.until(() => all.of('runs2').length > 0);
  await all.probe('after');
  assert.equal(new Set(all.changes().map(({ path }) => path)), new Set(['src/probe', 'runs2', 'src/after']));
  running?.unsubscribe();
  const inner = await watch({ paths: ['src', 'runs/acme'], root });
  await write('runs/acme/one/output.md', 'x');
  await inner.until(() => inner.of('runs/acme/one/output.md').length > 0);
});

test('a folder that is not there yet, and a circle of links', async () => {
  const seen = await watch({ paths: ['src/**', 'later/**'] });
  await symlink(join(cwd, 'src'), join(cwd, 'src/deep/circle'));
  await mkdir(join(cwd, 'later'));
  await write('later/a.ts', 'x');
  await seen.until(() => seen.of('later/a.ts').length > 0);
});

/** As the owner of the files, while this process is somebody else. */
const asOwner = (script: string): void => {
  execFileSync('sh', ['-ec', script], { cwd, uid: 0 });
};
(nobodyReads(tmpdir()) ? test : test.skip)(
  'what there is no leave to read is said once and not told as removed, and what changed meanwhile is told afterwards',
  async () => {
    asOwner('chmod 755 . src/deep; chmod 777 src; echo 1 > src/deep/inner.ts; echo 1 > src/deep/gone.ts');
    const lines: Logged[] = [];
    process.seteuid!(NOBODY);
    try {
      const { drafts, changes, until } = await watch({ log: logInto(lines) });
      const told = (): Change[] => changes().filter(({ path }) => path !== 'src/probe');
      asOwner('chmod 000 src/deep');
      await eventually('it is said', () => lines.length > 0);
      asOwner('rm src/deep/gone.ts; echo 1 > src/deep/new.ts; echo 1 > src/other.ts');
      await until(() => told().length > 0);
      assert.equal(told(), [{ path: 'src/other.ts', change: 'created' }]);
      asOwner('chmod 755 src/deep');
      await until(() => told().length > 2);
      assert.equal(told().slice(1), [
        { path: 'src/deep/gone.ts', change: 'removed' },
        { path: 'src/deep/new.ts', change: 'created' },
      ]);
      assert.equal(
        lines.map(({ message }) => message),
        ['files: src: no leave to read src/deep; what changes there is told when it can be read'],
      );
      assert.equal(
        drafts.filter(({ type }) => type === 'SOURCE_FAILED').map(({ source, body }) => [source, body]),
        [['file:src', 'ERROR: src: no leave to read src/deep; what changes there is told when it can be read']],
      );
    } finally {
      process.seteuid!(0);
    }
  },
);

test('changes that never pause are told all the same', async () => {
  const seen = await watch({ debounce_ms: 50, rescan_ms: 60_000 });
  const before = seen.drafts.length;
  let n = 0;
  while (seen.drafts.length === before) {
    await write(`src/busy${n++ % 10}.ts`, String(n));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

test('a file that is being written is left for later, and told in the end though it never pauses', () => {
  const touched = new Touched(100);
  touched.note('done', 0);
  for (let now = 0; now < 9_990; now += 10) {
    touched.note('busy', now);
    const { settled, busy } = touched.take(now);
    assert.equal(settled, now === 50 ? ['done'] : []);
    assert.equal([...busy], now < 50 ? ['done', 'busy'] : ['busy']);
  }
  touched.note('busy', 10_000);
  assert.equal(touched.take(10_000), { settled: ['busy'], busy: new Set() });
  assert.equal(touched.take(10_000), { settled: [], busy: new Set() });
});

(process.platform === 'linux' ? test : test.skip)('names that are no UTF-8, of files and folders', async () => {
  const seen = await watch();
  const folder = Buffer.concat([Buffer.from(`${cwd}/src/caf`), Buffer.of(0xe9)]);
  const inner = Buffer.concat([folder, Buffer.from('/'), Buffer.of(0xff), Buffer.from('é🎉.ts')]);
  await mkdir(folder);
  await writeFile(inner, 'x');
  const path = 'src/caf\\xE9/\\xFFé🎉.ts';
  await seen.until(() => seen.of(path).includes('created'));
  await writeFile(inner, 'more');
  await seen.until(() => seen.of(path).includes('changed'));
  await rm(inner);
  await seen.until(() => seen.of(path).includes('removed'));
});

test('two that watch the same folder tell the same moment apart', async () => {
  const keys: string[] = [];
  const still: Clock = { now: () => 1_000, scheduler: asyncScheduler };
  const one = { paths: ['src/**'], ignore: [], debounce_ms: 0, rescan_ms: 20, type: 'ONE', cwd, clock: still, log };
  const both = [one, { ...one, type: 'OTHER' }].map((options) =>
    fileSource(options)
      .open()
      .subscribe(({ drafts: [draft] }) => void keys.push(draft?.dedupe_key ?? '')),
  );
  let n = 0;
  await eventually('both have told', async () => {
    await write('src/old.ts', String(n++));
    return keys.some((key) => key.endsWith(':1')) && new Set(keys).size > 1 ? true : undefined;
  });
  for (const subscription of both) subscription.unsubscribe();
  assert.is(new Set(keys).size, keys.length);
});

test('a reserved type is refused before anything is watched', () => {
  assert.throws(
    () => fileSource({ paths: ['.'], ignore: [], debounce_ms: 1, type: 'RUN_STOP', cwd, clock, log }),
    /RUN_STOP/,
  );
});

test.run();
