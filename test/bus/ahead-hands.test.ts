/** Logs, folders and files as other hands leave them. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { IDENTITY_BYTES, headOf } from '../../src/bus/ahead-entry.js';
import { aheadFolder } from '../../src/bus/ahead-files.js';
import { tryLock } from '../../src/bus/kernel-lock.js';
import { recover } from '../../src/bus/redo.js';
import { openWriter } from '../../src/bus/writer.js';
import { handClock } from '../contract/bus.js';
import { NOBODY, nobodyReads } from '../support/nobody.js';
import { until } from '../support/service.js';
import { ahead, bodiesOf, busFile, cutOff, entriesIn, logs, stateOf, withTalker } from './ahead-support.js';
import { key, withBus, withRoot } from './support.js';

/** A log of one entry: all of a bus, at a place where no disk has it. */
const hostile = (bus: Buffer, offset: number): Buffer =>
  Buffer.concat([headOf({ offset, identity: bus.subarray(0, IDENTITY_BYTES), batch: bus }, 1, 0), bus]);

test('what lies where the logs should be keeps nobody from the bus', () =>
  withRoot(async (root) => {
    await withBus(root, (bus) => bus.append([{ type: 'A', body: 'before' }]));
    const before = readFileSync(busFile(root));
    const kinds: ((path: string) => void)[] = [
      (path) => mkdirSync(path),
      (path) => symlinkSync('/etc/passwd', path),
      (path) => symlinkSync('/nowhere', path),
      (path) => execFileSync('mkfifo', [path]),
      (path) => writeFileSync(path, 'no log'),
      (path) => {
        writeFileSync(path, '');
        truncateSync(path, 3 * 1024 ** 3);
      },
      ...[NaN, Infinity, -1, 0.5, 2 ** 60].map((offset) => (path: string) => {
        writeFileSync(path, hostile(before, offset));
      }),
    ];
    for (const kind of kinds) {
      rmSync(aheadFolder(root), { recursive: true, force: true });
      mkdirSync(aheadFolder(root));
      kind(join(aheadFolder(root), 'b2-00000000.log'));
      assert.is(await recover(root, true, 'c3'), 0);
      assert.equal(readFileSync(busFile(root)), before);
    }
    rmSync(aheadFolder(root), { recursive: true, force: true });
    writeFileSync(aheadFolder(root), 'no folder');
    await withBus(root, (bus) => bus.append([{ type: 'A', body: 'after' }]));
    assert.equal(await bodiesOf(root), ['before', 'after']);
  }));

const redo = new URL('../../dist/bus/redo.js', import.meta.url);
(nobodyReads(tmpdir()) && nobodyReads(redo.pathname) ? test : test.skip)(
  'who may read the bus alone reads it, whatever logs there are',
  () =>
    withRoot(async (root) => {
      await withBus(root, (bus) => bus.append([{ type: 'A', body: 'for everybody' }]));
      mkdirSync(aheadFolder(root), { mode: 0o700 });
      chmodSync(dirname(aheadFolder(root)), 0o700);
      for (const [path, mode] of [
        [root, 0o755],
        [busFile(root), 0o644],
      ] as const)
        chmodSync(path, mode);
      const read = `
      const { recover } = await import(process.argv[1]);
      console.log(await recover(process.argv[2], false));`;
      const words = ['--input-type=module', '-e', read, redo.href, root];
      assert.is(execFileSync(process.execPath, words, { uid: NOBODY, gid: NOBODY, encoding: 'utf8' }), '0\n');
    }),
);

ahead('a bus that was edited after the cut gets nothing twice, and nothing back that was taken out', () =>
  withTalker(async ({ say }, root) => {
    await say(9);
    const { first, whole } = stateOf(root);
    const text = whole.toString('latin1');
    const from = text.lastIndexOf('---\nmsg_id: ', (first?.offset ?? 0) - 1);
    const to = text.indexOf('---\nmsg_id: ', from + 1);
    // By less than a message, by a whole one, and by one less at its end.
    const edited = [
      text.replace('\nbody 3\n', '\nno 3\n'),
      text.slice(0, from) + text.slice(to),
      text.slice(0, to) + text.slice(text.indexOf('---\nmsg_id: ', to + 1)),
    ];
    for (const left of edited) {
      await cutOff(root, async (copy) => {
        writeFileSync(busFile(copy), left, 'latin1');
        assert.is(await recover(copy, false, 'b2'), 0);
        assert.is(readFileSync(busFile(copy), 'latin1'), left);
        assert.equal(logs(copy), []);
      });
    }
  }),
);

ahead('what was lost comes back behind what was said before anybody looked at the logs', () =>
  withTalker(async ({ said }, root) => {
    const { first } = stateOf(root);
    await cutOff(root, async (copy) => {
      truncateSync(busFile(copy), first?.offset);
      renameSync(aheadFolder(copy), join(copy, 'aside'));
      await withBus(copy, (bus) => bus.append([{ type: 'A', body: 'since' }]), handClock(Date.now()));
      rmSync(aheadFolder(copy), { recursive: true, force: true });
      renameSync(join(copy, 'aside'), aheadFolder(copy));
      assert.ok((await recover(copy, false, 'b2')) > 0);
      const found = await bodiesOf(copy);
      assert.equal(found.toSorted(), [...said, 'since'].toSorted());
      assert.equal(
        found.filter((body) => body !== 'since'),
        said,
      );
    });
  }),
);

ahead('a segment that was closed by a writer that waits for no disk gets back what the disk lost of it', () =>
  withTalker(async ({ say, said }, root) => {
    await say(5);
    const { first, whole } = stateOf(root);
    const other = openWriter({
      ...{ root, key, clock: { now: Date.now }, durability: 'os' },
      rotation: { bytes: 1, age_ms: 1e9 },
    });
    await other.submit([{ type: 'OTHER', body: 'in the next file' }], false);
    await other.close();
    await cutOff(root, async (copy) => {
      const name = readdirSync(copy).find((found) => found.startsWith('MESSAGE-BUS-')) ?? '';
      truncateSync(join(copy, name), first?.offset);
      assert.ok((await recover(copy, false, 'b2')) > 0);
      assert.equal(readFileSync(join(copy, name)), whole);
      assert.equal(await bodiesOf(copy), [...said, 'in the next file']);
    });
  }),
);

ahead('while the machine runs the log of a killed writer fills what the kernel lost in the middle, and no more', () =>
  withTalker(async ({ say }, root) => {
    await say(5);
    const { first, whole } = stateOf(root);
    const from = first?.offset ?? 0;
    await cutOff(root, async (copy) => {
      const holed = Buffer.from(whole).fill(0, from + 50, from + 90);
      writeFileSync(busFile(copy), holed);
      await recover(copy, true, 'a1');
      assert.equal(readFileSync(busFile(copy)), whole);
      assert.equal(logs(copy), []);
    });
  }),
);

test('a bus that was restored with the times of its folder takes what is said next', () =>
  withRoot((root) =>
    withBus(root, async (bus) => {
      await bus.append([{ type: 'A', body: 'kept' }]);
      const backup = join(root, 'backup');
      cpSync(busFile(root), backup);
      // The folder is known by its time only when that is a while ago.
      const times = join(root, '.conductor', 'times');
      writeFileSync(times, '');
      execFileSync('touch', ['-r', root, times]);
      await until('the folder is at rest', () => Date.now() - statSync(root).mtimeMs > 100 || undefined);
      await bus.append([{ type: 'A', body: 'lost with the old file' }]);
      renameSync(backup, busFile(root));
      execFileSync('touch', ['-r', times, root]);
      await bus.append([{ type: 'A', body: 'after' }]);
      assert.equal(await bodiesOf(root), ['kept', 'after']);
    }),
  ));

ahead('whoever opens the bus beside a writer that lives waits for nobody', () =>
  withTalker(async (_, root) => {
    const held = openSync(join(root, '.conductor', 'bus.lock'), 'r+');
    try {
      assert.ok(tryLock(held));
      assert.is(await recover(root, true, 'a1'), 0);
      assert.is(logs(root).length, 1);
    } finally {
      closeSync(held);
    }
  }),
);

ahead('a log that was taken away is used no more', () =>
  withTalker(async ({ say, said }, root) => {
    await until('the log is empty', () => entriesIn(root).length === 0 || undefined);
    const path = join(aheadFolder(root), logs(root)[0] ?? '');
    renameSync(path, join(root, 'aside'));
    await say(12);
    const aside = readFileSync(join(root, 'aside'));
    await say(3);
    assert.equal(readFileSync(join(root, 'aside')), aside);
    assert.ok(aside.subarray(0, 8).every((byte) => byte === 0));
    assert.equal(await bodiesOf(root), said);
    rmSync(join(root, 'aside'));
  }),
);

test.run();
