import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { lastValueFrom } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEnd } from '../../src/core/run.js';
import { sweepWorker } from '../../src/cli/package-folder.js';
import { cgroupBase } from '../../src/runner/cgroup.js';
import { inspect } from '../../src/runner/processes.js';
import { rawFolder } from '../../src/runner/raw-folder.js';
import { findTree } from '../../src/runner/sweep.js';
import { createTrees } from '../../src/runner/trees.js';
import { temporary, until } from '../support/service.js';
import { lives, openWorld, pidsIn, script, type Act, type WorldOptions } from './world.js';

/** What holds a run together: its control group, where there is one, and its marks alone. */
const LEVELS: [string, WorldOptions][] = [
  [cgroupBase() === undefined ? 'no control group here' : 'control group', {}],
  ['marks', { groupFor: () => Promise.resolve(undefined) }],
  ['marks, swept by a thread', { groupFor: () => Promise.resolve(undefined), sweepWorker }],
];
let level: WorldOptions = {};

/** Starts a run and hands it over when all of its processes have noted themselves. */
const begin = async (agent: string, expected: number, ...acts: Act[]) => {
  const world = await openWorld(level);
  const path = join(temporary('pids'), 'pids');
  const spec = world.specOf(
    agent,
    script({ note: path }, ...acts.map((act) => ('at' in act ? { [String(act['at'])]: path } : act)), { hang: true }),
  );
  const ended = lastValueFrom(world.runner.attempt(spec)) as Promise<RunEnd>;
  const pids = await until('everybody has noted itself', () => {
    const found = pidsIn(path);
    return found.length >= expected ? found : undefined;
  });
  return { world, spec, ended, pids, path };
};

test('stop ends the agent and says why', async () => {
  const { world, spec, ended, pids } = await begin('claude', 1);
  await world.runner.stop(spec, 'somebody asked');
  const end = await ended;
  assert.equal([end.status, end.class, end.reason], ['failed', 'transient', 'stopped: somebody asked']);
  assert.not(lives(pids[0]!));
  const info = await world.runs.find(spec);
  assert.is(info?.status, 'failed');
  assert.not(existsSync(join(world.root.path, '.conductor', 'raw', spec.run_id)), 'its raw output is removed');
});

for (const [name, options] of LEVELS) {
  test(`${name}: stop leaves nothing of an agent that ignores SIGTERM, with daemons that forked twice`, async () => {
    level = options;
    // What hides from every mark is found by the control group alone.
    const hidden = cgroupBase() !== undefined && !name.startsWith('marks') ? [{ at: 'hidden' }] : [];
    const acts = [{ deaf: true }, { at: 'daemon' }, { at: 'clean' }, ...hidden];
    const { world, spec, ended, pids } = await begin('codex', acts.length, ...acts);
    await world.runner.stop(spec, 'enough');
    for (const pid of pids) assert.not(lives(pid), `${pid} is gone`);
    assert.is((await ended).reason, 'stopped: enough');
  });

  test(`${name}: a fork storm ends`, async () => {
    const world = await openWorld(options);
    const path = join(temporary('storm'), 'pids');
    const storm = `#!/bin/sh\ni=0\nwhile [ $i -lt 30 ]; do (setsid sh -c 'echo $$ >>"$1"; while :; do sleep 0.01 & wait; done' x '${path}' &) ; i=$((i+1)); done\nsleep 1000\n`;
    const spec = world.specOf('shell', storm);
    const ended = lastValueFrom(world.runner.attempt(spec));
    const pids = await until('the storm is there', () => (pidsIn(path).length === 30 ? pidsIn(path) : undefined));
    await world.runner.stop(spec, 'enough');
    for (const pid of pids) assert.not(lives(pid), `${pid} is gone`);
    await ended;
  });
}

const leaver = (pids: string): string =>
  `setsid sh -c 'echo $$ >"$0/cgroup.procs"; echo $$ >>"$1"; exec sleep 1000' '${cgroupBase()}' '${pids}' >/dev/null 2>&1 &
until [ -s '${pids}' ]; do sleep 0.02; done
`;

if (cgroupBase() !== undefined)
  test('what left the control group of its run is found by its marks, after a good end and after a stop', async () => {
    const world = await openWorld();
    const pids = join(temporary('left'), 'pids');
    const { end } = await world.run('shell', leaver(pids));
    assert.is(end.status, 'completed');
    assert.not(lives(pidsIn(pids)[0]!));

    const again = join(temporary('left'), 'pids');
    const spec = world.specOf('shell', `${leaver(again)}sleep 1000\n`);
    const ended = lastValueFrom(world.runner.attempt(spec));
    const [pid] = await until('it has left', () => (pidsIn(again).length > 0 ? pidsIn(again) : undefined));
    await world.runner.stop(spec, 'enough');
    assert.not(lives(pid!));
    await ended;
  });

test('what its reporter has forked and not yet made a program is not of the run, though it has the run open', async () => {
  const rootPath = join(temporary('root'), 'runs');
  const raw = rawFolder(rootPath, 'run');
  raw.make();
  writeFileSync(raw.stdout, '');
  const text = 'exec 9<"$1"; (while :; do sleep 0.2; done) & echo $!; wait';
  const reporter = spawn('/bin/sh', ['-c', text, 'x', raw.stdout], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(reporter.stdout, 'data')) as [Buffer];
  const fork = Number(said.toString());
  const mark = { rootPath, run_id: 'run', pid: -1 };
  const find = (): number[] => findTree(mark, new Set()).map(({ pid }) => pid);
  assert.ok(find().includes(fork), 'while nobody reports the run it is a process like any other');
  writeFileSync(raw.owner, JSON.stringify({ pid: reporter.pid, start: inspect(reporter.pid!)?.start }));
  const found = await until('what became a program is seen', () => (find().length > 0 ? find() : undefined));
  assert.not(found.includes(fork));
  assert.not(found.includes(reporter.pid!));
  process.kill(fork, 'SIGKILL');
  await once(reporter, 'exit');
});

test('the thread that sweeps answers, and where there is none the main loop sweeps', async () => {
  const mark = { rootPath: temporary('root'), run_id: 'run', pid: -1 };
  const thread = new Worker(sweepWorker);
  const hidden = spawn('/bin/sleep', ['1000'], { env: { RUN_ID: 'run' }, stdio: 'ignore' });
  const ask = async (look: boolean): Promise<unknown> => {
    thread.postMessage({ id: 1, mark, look });
    const [answer] = (await once(thread, 'message')) as [unknown];
    return answer;
  };
  assert.equal(await ask(true), { id: 1, found: 1 });
  assert.equal(await ask(false), { id: 1, found: 0 });
  await thread.terminate();
  await until('it is gone', () => !lives(hidden.pid!));
  const other = spawn('/bin/sleep', ['1000'], { env: { RUN_ID: 'run' }, stdio: 'ignore' });
  const trees = createTrees('/nowhere/worker.js');
  assert.not(await trees.isEmpty(mark));
  await trees.sweep(mark);
  assert.not(lives(other.pid!));
});

test('stopping one run, twice and from everywhere, touches none that starts meanwhile', async () => {
  const world = await openWorld();
  const other = world.open();
  for (let round = 0; round < 10; round++) {
    const spec = world.specOf('shell', 'sleep 1000\n');
    const ended = lastValueFrom(world.runner.attempt(spec));
    await until('it runs', async () => ((await world.runs.find(spec))?.pid ?? -1) > 0);
    const stops = [world.runner.stop(spec, 'a'), world.runner.stop(spec, 'b'), other.stop(spec, 'c')];
    const after = Promise.all([1, 2, 3].map(() => world.run('shell', 'sleep 0.1; echo fine\n')));
    await Promise.all([...stops, ended]);
    for (const { end } of await after)
      assert.equal([end.status, end.output], ['completed', 'fine\n'], end.error_summary);
  }
});

test('whoever stops waiting for a run stops it', async () => {
  const world = await openWorld();
  const path = join(temporary('pids'), 'pids');
  const spec = world.specOf('gemini', script({ note: path }, { hang: true }));
  const subscription = world.runner.attempt(spec).subscribe({ error: assert.unreachable });
  const [pid] = await until('it runs', () => (pidsIn(path).length > 0 ? pidsIn(path) : undefined));
  subscription.unsubscribe();
  await until('it is gone', () => !lives(pid!));
  await until('its end is written', async () => (await world.runs.find(spec))?.status === 'failed');
});

test('a run that takes too long is ended as a timeout, though its agent ends well when it is told to go', async () => {
  const world = await openWorld();
  const { end, read } = await world.run('shell', "trap 'exit 0' TERM\nwhile :; do sleep 0.05; done\n", {
    timeout_ms: 300,
  });
  assert.equal([end.status, end.class, end.reason, end.exit], ['failed', 'transient', 'timeout', 1]);
  assert.match(read('output.md'), 'did not end in time');
});

test('a silent run is ended where silence is limited', async () => {
  const world = await openWorld();
  const { end } = await world.run('claude', script({ say: 'hm' }, { hang: true }), { limits: { idle_ms: 300 } });
  assert.equal([end.class, end.reason], ['transient', 'idle']);
});

test('a run that writes more than it may is ended, and not tried again', async () => {
  const world = await openWorld();
  const { end } = await world.run('plain', script({ flood: 4_000_000 }, { hang: true }), {
    limits: { output_bytes: 1_000_000 },
  });
  assert.equal([end.class, end.reason, end.exit], ['permanent', 'output', 2]);
});

test('a run that calls more tools than it may is ended', async () => {
  const world = await openWorld();
  const { end } = await world.run(
    'codex',
    script({ tool: 'true' }, { tool: 'true' }, { tool: 'true' }, { hang: true }),
    { limits: { turns: 2 } },
  );
  assert.equal([end.class, end.reason], ['permanent', 'budget']);
});

test('another process of the root can stop a run, and its owner says why it ended', async () => {
  const { world, spec, ended, pids } = await begin('claude', 2, { at: 'daemon' });
  await world.open().stop(spec, 'from elsewhere');
  for (const pid of pids) assert.not(lives(pid), `${pid} is gone`);
  assert.is((await ended).reason, 'stopped: from elsewhere');
});

test('a run that cannot start says what is missing, with the files of any other', async () => {
  const world = await openWorld({ config: { broken: { command: ['/nowhere/at/all'] } } });
  const missing = await world.run('broken', 'x');
  assert.equal([missing.end.status, missing.end.exit, missing.end.reason], ['failed', 3, 'never_started']);
  assert.match(missing.end.error_summary ?? '', '/nowhere/at/all');
  assert.match(missing.read('output.md'), '# Task Failed');
  const elsewhere = await world.run('claude', 'x', { cwd: '/nowhere' });
  assert.is(elsewhere.end.exit, 3);
  assert.match(elsewhere.end.error_summary ?? '', '/nowhere');
  const deep = await world.run('claude', 'x', { depth: 16 });
  assert.is(deep.end.exit, 2);
  assert.match(readFileSync(join(world.runs.folder(deep.spec), 'run-info.yaml'), 'utf8'), /^status: failed$/m);
});

test('an agent that does not go after its result is ended, and its result counts', async () => {
  const { createGuard, LINGER_MS } = await import('../../src/runner/guard.js');
  const { TestScheduler } = await import('rxjs/testing');
  const scheduler = new TestScheduler(assert.equal);
  scheduler.run(() => {
    const reasons: string[] = [];
    const guard = createGuard({
      clock: { now: () => scheduler.now(), scheduler },
      started: 0,
      timeout_ms: 10 * LINGER_MS,
      limits: {},
      bytes: () => 0,
      own: () => ({ usd: 0, tokens: 0 }),
      account: undefined,
      children: () => ({ waited_ms: 0, living: false }),
      end: (reason) => reasons.push(`${reason} at ${scheduler.now()}`),
    });
    scheduler.schedule(() => guard.heard({ kind: 'result', ok: true }), 1_000);
    // It was not its last word.
    scheduler.schedule(() => guard.heard({ kind: 'text', text: 'more' }), 2_000);
    scheduler.schedule(() => guard.heard({ kind: 'result', ok: true }), 50_000);
    scheduler.schedule(() => assert.equal(reasons, [`lingered at ${50_000 + LINGER_MS}`]), 50_001 + LINGER_MS);
  });
});

test.run();
