import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileBus } from '../../src/bus/file-bus.js';
import { encode } from '../../src/bus/encode.js';
import { closedSegments } from '../../src/bus/segments.js';
import { stampOf } from '../../src/bus/stamp.js';
import { toConductorError } from '../../src/core/errors.js';
import { all, bodies, handClock, refused, watchBus } from '../contract/bus.js';
import { cleanEnvironment, command, project, run, until } from '../support/service.js';
import { canMount, withSmallDisk } from '../support/small-disk.js';
import { killedAt } from './killed-at.js';
import { key, withBus, withRoot } from './support.js';

const busFile = (root: string): string => join(root, 'MESSAGE-BUS.md');

const works = (attempt: () => void): boolean => {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
};
const canLimit = works(() => {
  execFileSync('prlimit', ['--fsize=1000', 'true'], { stdio: 'ignore' });
});

test('cut at every byte of an append, as a kill or a power cut leaves it: what was acknowledged stays, what comes is whole', () =>
  withRoot(async (root) => {
    const file = busFile(root);
    await withBus(root, (bus) => bus.append([{ type: 'A', body: 'first' }]));
    const before = readFileSync(file);
    await withBus(root, (bus) => bus.append([{ type: 'A', body: '---\ntorn' }]));
    const whole = readFileSync(file);
    for (let cut = before.length; cut <= whole.length; cut += 1) {
      for (const fill of ['', '\0'.repeat(40)]) {
        writeFileSync(file, Buffer.concat([whole.subarray(0, cut), Buffer.from(fill)]));
        const [receipt] = await withBus(root, (bus) => bus.append([{ type: 'A', body: 'next' }]));
        await withBus(root, async (bus) => {
          const events = await all(bus.read());
          const found = events.map(({ body }) => body);
          assert.is(found[0], 'first');
          assert.is(found.at(-1), 'next');
          assert.is(events.at(-1)?.msg_id, receipt?.msg_id);
          // The torn one lacks at most its last line break, or is not there.
          assert.ok(
            found.length === 2 || (found.length === 3 && found[1] === '---\ntorn' && cut >= whole.length - 2),
            `${cut}`,
          );
        });
      }
    }
  }));

(canLimit ? test : test.skip)(
  'killed with -9 at a byte of an append: what was acknowledged stays, and what comes next is whole',
  () =>
    withRoot(async (root) => {
      await withBus(root, (bus) => bus.append([{ type: 'A', body: 'first' }]));
      const before = readFileSync(busFile(root));
      await killedAt(root, Infinity);
      const whole = statSync(busFile(root)).size;
      // Every byte is in `npm run chaos bus`.
      // A shorter process id makes a record that much shorter.
      for (let cut = before.length + 1; cut < whole - 6; cut += 9) {
        writeFileSync(busFile(root), before);
        assert.is(await killedAt(root, cut), 'SIGKILL');
        assert.is(statSync(busFile(root)).size, cut);
        await withBus(root, async (bus) => {
          const [receipt] = await bus.append([{ type: 'A', body: 'next' }]);
          const events = await all(bus.read());
          const found = events.map(({ body }) => body);
          assert.equal([found[0], found.at(-1), events.at(-1)?.msg_id], ['first', 'next', receipt?.msg_id]);
          assert.is(found.length, 2, `${cut}: ${found.join()}`);
        });
      }
    }),
);

(canMount ? test : test.skip)(
  'a full disk: nothing is acknowledged that is not there, and it goes on when there is room',
  () =>
    withSmallDisk('256k', async (folder) => {
      const ballast = join(folder, 'ballast');
      writeFileSync(ballast, Buffer.alloc(64 * 1024));
      const bus = await openFileBus({ root: folder, key, clock: handClock(), durability: 'fsync' });
      const said: string[] = [];
      const say = async (body: string): Promise<void> => {
        await bus.append([{ type: 'A', body }]);
        said.push(body);
      };
      const error = await (async () => {
        for (let number = 0; ; number += 1) {
          try {
            await say(`${number} ${'x'.repeat(5_000)}`);
          } catch (caught) {
            return toConductorError(caught);
          }
        }
      })();
      assert.is(error.code, 'storage');
      assert.match(error.message, /ENOSPC/);
      await refused('storage', () => say('y'.repeat(9_000)));
      assert.ok(said.length > 10);
      rmSync(ballast);
      await say('room again');
      await bus.close();
      await withBus(folder, async (again) => assert.equal(await bodies(again), said));
    }),
);

/** Says four things, the second with a key, and the second once more. */
const SPEAKER = `
import { openWriter } from ${JSON.stringify(join(project, 'dist/bus/writer.js'))};
const writer = openWriter({ root: process.argv[1], key: Buffer.alloc(32, 7), clock: { now: Date.now } });
for (const body of ['one', 'two', 'two', 'three', 'four']) {
  await writer.submit([{ type: 'A', body, ...(body === 'two' ? { dedupe_key: 'k' } : {}) }], false).then(
    ([{ duplicate }]) => console.log(body, duplicate ? 'duplicate' : 'acknowledged'),
    (error) => console.log(body, error.code, error.message),
  );
}
await writer.close();
`;
/** Says twenty things at once, twenty more while those become durable, and one more when all are answered. */
const MANY = `
import { openWriter } from ${JSON.stringify(join(project, 'dist/bus/writer.js'))};
const writer = openWriter({ root: process.argv[1], key: Buffer.alloc(32, 7), clock: { now: Date.now } });
const say = (body) => writer.submit([{ type: 'A', body }], false).then(
  () => console.log(body, 'acknowledged'),
  (error) => console.log(body, error.code, error.message),
);
await say('before');
const twenty = (from) => Array.from({ length: 20 }, (_, number) => say(String(from + number)));
const first = twenty(0);
await new Promise(setImmediate);
await Promise.all([...first, ...twenty(20)]);
await say('after');
await writer.close();
`;
const canTrace = works(() => {
  execFileSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
});

/** What the speaker says while the kernel answers some calls wrongly; strace counts by thread, so the pool is one. */
const speakUnder = (program: string, root: string, ...inject: string[]): Promise<string[]> =>
  run(
    'strace',
    [
      ...['-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync,fsync,write'],
      ...inject,
      ...[process.execPath, '--input-type=module', '-e', program, root],
    ],
    { env: cleanEnvironment({ UV_THREADPOOL_SIZE: '1' }) },
  ).then(({ stdout, stderr }) => {
    assert.is(stderr, '');
    return stdout.trim().split('\n');
  });

const inode = (root: string): number => statSync(busFile(root)).ino;

(canTrace ? test : test.skip)(
  'a failed fdatasync is not tried again: what is there goes to a new file, and only then is anything acknowledged',
  () =>
    withRoot(async (root) => {
      await withBus(root, (bus) => bus.append([{ type: 'A', body: 'before' }]));
      const old = openSync(busFile(root), 'r');
      const said = await speakUnder(SPEAKER, root, '-e', 'inject=fdatasync:error=EIO:when=2');
      assert.is(said.shift(), 'one acknowledged');
      assert.match(said.shift()!, /^two storage .*could not be made durable.* EIO/);
      // It is there all the same, and durable by now: that is what a duplicate promises.
      assert.equal(said, ['two duplicate', 'three acknowledged', 'four acknowledged']);
      assert.is.not(inode(root), fstatSync(old).ino);
      closeSync(old);
      assert.equal(readdirSync(root).sort(), ['.conductor', 'MESSAGE-BUS.md']);
      await withBus(root, async (bus) => assert.equal(await bodies(bus), ['before', 'one', 'two', 'three', 'four']));
    }),
);

(canTrace ? test : test.skip)('one failed fdatasync refuses every batch that was on its way, and no other', () =>
  withRoot(async (root) => {
    const said = await speakUnder(MANY, root, '-e', 'inject=fdatasync:error=EIO:when=2');
    const refused = said.filter((line) => / storage .*could not be made durable/.test(line));
    assert.ok(refused.length >= 20, said.join('\n'));
    assert.is(refused.length + said.filter((line) => line.endsWith(' acknowledged')).length, 42);
    assert.is(said.at(-1), 'after acknowledged');
    // What was refused is there all the same by now, and everything once.
    const all = ['before', ...Array.from({ length: 40 }, (_, number) => String(number)), 'after'];
    await withBus(root, async (bus) => assert.equal(await bodies(bus), all));
  }),
);

(canTrace ? test : test.skip)(
  'where the new file cannot be made durable either, nothing is acknowledged until it can',
  () =>
    withRoot(async (root) => {
      // The folder's, after the first append; then that of the first new file.
      const said = await speakUnder(SPEAKER, root, '-e', 'inject=fsync:error=ENOSPC:when=1');
      assert.match(said.shift()!, /^one storage .*could not be made durable.* ENOSPC/);
      assert.match(said.shift()!, /^two storage .* ENOSPC/);
      assert.equal(said, ['two acknowledged', 'three acknowledged', 'four acknowledged']);
      assert.equal(readdirSync(root).sort(), ['.conductor', 'MESSAGE-BUS.md']);
      await withBus(root, async (bus) => assert.equal(await bodies(bus), ['one', 'two', 'three', 'four']));
    }),
);

for (const code of ['EIO', 'EROFS', 'ENOSPC'])
  (canTrace ? test : test.skip)(`a write that fails with ${code} is told, and the next one works`, () =>
    withRoot(async (root) => {
      writeFileSync(busFile(root), '');
      const said = await speakUnder(SPEAKER, root, '-P', busFile(root), '-e', `inject=write:error=${code}:when=2`);
      assert.is(said.shift(), 'one acknowledged');
      assert.match(said.shift()!, new RegExp(`^two storage cannot write .*${code}`));
      assert.equal(said, ['two acknowledged', 'three acknowledged', 'four acknowledged']);
      await withBus(root, async (bus) => assert.equal(await bodies(bus), ['one', 'two', 'three', 'four']));
    }),
  );

const LIMITED = `
import { openWriter } from ${JSON.stringify(join(project, 'dist/bus/writer.js'))};
const writer = openWriter({ root: process.argv[1], key: Buffer.alloc(32, 7), clock: { now: Date.now } });
for (let number = 0; number < 12; number += 1)
  await writer.submit([{ type: 'A', body: number + ' ' + 'x'.repeat(3_000) }], false).then(
    () => console.log(number),
    (error) => console.log(error.code, error.message),
  );
await writer.close();
`;

(canLimit ? test : test.skip)(
  'a file that may not grow (EFBIG) is told, and closed: the next message goes to a new one',
  () =>
    withRoot(async (root) => {
      const { stdout, stderr, code } = await run('prlimit', [
        ...['--fsize=16000', process.execPath, '--input-type=module', '-e', LIMITED, root],
      ]);
      assert.equal([code, stderr], [0, '']);
      const said = stdout.trim().split('\n');
      const acknowledged = said.filter((line) => /^\d+$/.test(line));
      const refusals = said.filter((line) => /^storage cannot write .*EFBIG/.test(line));
      assert.equal([acknowledged.length, refusals.length], [10, 2]);
      assert.is(closedSegments(root).length, 2);
      await withBus(root, async (bus) =>
        assert.equal(
          (await bodies(bus)).map((body) => body.split(' ')[0]),
          acknowledged,
        ),
      );
    }),
);

(canMount ? test : test.skip)('a bus on a read-only disk: reading works, writing is refused, and works again', () =>
  withSmallDisk('256k', async (folder) => {
    const root = join(folder, 'runs');
    const tool = (...args: string[]): ReturnType<typeof run> =>
      run(process.execPath, [command('messagebus-tool'), ...args, '--root', root]);
    assert.is((await tool('write', 'one')).code, 0);
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    const refusal = await tool('write', 'two');
    assert.is(refusal.code, 1);
    assert.match(refusal.stderr, /^messagebus-tool: .*read-only/);
    assert.is(refusal.stdout, '');
    assert.match((await tool('read')).stdout, /body: "one"\n$/);
    assert.match((await tool('check')).stdout, /^1 messages in 1 files/);
    execFileSync('mount', ['-o', 'remount,rw', folder]);
    assert.is((await tool('write', 'three')).code, 0);
    assert.match((await tool('read', '--tail', '2')).stdout, /body: "one"\n---\n(.*\n)*body: "three"\n$/);
  }),
);

(existsSync('/proc/locks') ? test : test.skip)('the lock of a writer that was killed is free at once', () =>
  withRoot(async (root) => {
    const holder = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { openLock } from ${JSON.stringify(join(project, 'dist/bus/lock.js'))};
         await openLock(process.argv[1]).hold(() => { process.stdout.write('.'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });`,
        root,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(holder.stdout, 'data');
    await withBus(root, async (bus) => {
      let answered = false;
      const receipt = bus.append([{ type: 'A', body: 'after' }]).then((receipts) => {
        answered = true;
        return receipts;
      });
      const { ino } = statSync(join(root, '.conductor', 'bus.lock'));
      const waits = new RegExp(`-> OFDLCK .*:${ino} `);
      await until('the append waits for the lock', () => waits.test(readFileSync('/proc/locks', 'utf8')));
      assert.not.ok(answered);
      holder.kill('SIGKILL');
      assert.is((await receipt).length, 1);
    });
  }),
);

/** More than the kernel keeps for us while we do not look: what comes after them is dropped, without a word. */
const LOST = '/proc/sys/fs/inotify/max_queued_events';
const most = existsSync(LOST) ? Number(readFileSync(LOST, 'utf8')) : Infinity;

// Some machines keep millions.
(most <= 100_000 ? test : test.skip)('a wake-up that the kernel loses costs half a second, not the message', () =>
  withRoot((root) =>
    withBus(root, async (bus) => {
      const watching = watchBus(bus);
      await bus.append([{ type: 'A', body: 'first' }]);
      await watching.count(1);
      const [first] = await all(bus.read());
      for (let number = 0; number <= most; number += 1) closeSync(openSync(join(root, `other-${number}`), 'w'));
      const next = encode({ ...first!, ...stampOf({ ms: Date.UTC(2026, 11, 1), ns: 0 }, 1, 1), body: 'lost' });
      appendFileSync(busFile(root), next);
      await watching.count(2);
      watching.stop();
      assert.is(watching.events[1]?.body, 'lost');
    }),
  ),
);

test('a foreign writer without the lock: its text is shown and hides nothing', () =>
  withRoot((root) =>
    withBus(root, async (bus) => {
      const watching = watchBus(bus);
      await bus.append([{ type: 'A', body: '1' }]);
      appendFileSync(busFile(root), '[2026-11-21 01:30:00] NOTE: by hand');
      await bus.append([{ type: 'A', body: '2' }]);
      appendFileSync(busFile(root), '---\ntype: TASK_DONE\n---\nforged');
      const fd = openSync(busFile(root), 'a');
      writeSync(fd, '\0\0\0');
      closeSync(fd);
      await bus.append([{ type: 'A', body: '3' }]);
      await watching.count(5);
      watching.stop();
      assert.equal(
        watching.events.map(({ body, sealed, authentic }) => [body.slice(0, 7), sealed, authentic]),
        [
          ['1', true, false],
          ['by hand', false, false],
          ['2', true, false],
          ['forged\0', false, false],
          ['3', true, false],
        ],
      );
    }),
  ));

/** A process whose lock nobody else has, as on a file system whose locks do not work. */
const UNLOCKED = `
import { rmSync } from 'node:fs';
import { openWriter } from ${JSON.stringify(join(project, 'dist/bus/writer.js'))};
const [root, name] = process.argv.slice(1);
const rotation = { bytes: 20_000, age_ms: Infinity };
const writer = openWriter({ root, key: Buffer.alloc(32, 7), clock: { now: Date.now }, durability: 'os', rotation });
rmSync(root + '/.conductor/bus.lock', { force: true });
for (let number = 0; number < 300; number += 1) {
  await writer.submit([{ type: 'A', body: name + '-' + number }], false);
  console.log(name + '-' + number);
}
await writer.close();
`;

test('writers whose locks do not work lose nothing that they acknowledge, while segments are closed under them', () =>
  withRoot(async (root) => {
    const outputs = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => run(process.execPath, ['--input-type=module', '-e', UNLOCKED, root, name])),
    );
    assert.equal(
      outputs.map(({ code, stderr }) => [code, stderr]),
      outputs.map(() => [0, '']),
    );
    const acknowledged = outputs.flatMap(({ stdout }) => stdout.trim().split('\n'));
    await withBus(root, async (bus) => {
      const found = new Set(await bodies(bus));
      assert.equal(
        acknowledged.filter((body) => !found.has(body)),
        [],
      );
      assert.is(acknowledged.length, 1_200);
      assert.ok(closedSegments(root).length > 5);
      const watching = watchBus(bus);
      await watching.count(1_200);
      watching.stop();
      assert.equal(
        watching.batches.flatMap(({ damaged }) => damaged),
        [],
      );
    });
  }));

test.run();
