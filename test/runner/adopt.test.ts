import { spawn } from 'node:child_process';
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEnd } from '../../src/core/run.js';
import { project, temporary, until } from '../support/service.js';
import { lives, openWorld, pidsIn, script, type Act, type World } from './world.js';

/** A run whose starter is killed with -9 once the agent has noted itself. */
const orphan = async (world: World, agent: string, ...acts: Act[]) => {
  const spec = world.specOf(agent, '');
  const folder = temporary('orphan');
  const pids = join(folder, 'pids');
  writeFileSync(join(folder, 'prompt'), script({ note: pids }, ...acts));
  const args = [world.root.path, world.bin, agent, join(folder, 'prompt'), spec.run_id];
  const owner = spawn(process.execPath, ['--import', 'tsx', join(project, 'test', 'support', 'owner.ts'), ...args], {
    env: world.environment,
    cwd: project,
    stdio: 'ignore',
  });
  const [pid] = await until('the agent runs', () => (pidsIn(pids).length > 0 ? pidsIn(pids) : undefined));
  // Its starter may be slower than the agent.
  await until('its process is noted', async () => ((await world.runs.find(spec))?.pid ?? -1) > 0);
  const exited = new Promise((resolve) => owner.once('exit', resolve));
  return {
    spec,
    pid: pid!,
    owner,
    kill: () => (owner.kill('SIGKILL'), exited),
    raw: join(world.root.path, '.conductor', 'raw', spec.run_id),
  };
};

const adopt = async (world: World, spec: { run_id: string; project_id: string; task_id: string }) => {
  const info = await world.runs.find(spec);
  assert.ok(info, 'run-info.yaml is there');
  return (await lastValueFrom(world.runner.adopt(info).pipe(toArray()))).at(-1) as RunEnd;
};

test('a living agent whose starter was killed is followed to its end, all of its output heard', async () => {
  const world = await openWorld();
  const go = join(temporary('go'), 'go');
  const run = await orphan(
    world,
    'claude',
    { say: 'before' },
    { tool: `until [ -e ${go} ]; do sleep 0.02; done` },
    { say: 'after' },
    { result: true },
  );
  assert.is(world.runner.ownership(run.spec), 'owned');
  await run.kill();
  assert.ok(lives(run.pid), 'the agent lives on');
  assert.is(world.runner.ownership(run.spec), 'orphaned');
  const ended = adopt(world, run.spec);
  await until('it is ours', () => world.runner.ownership(run.spec) === 'owned');
  writeFileSync(go, '');
  const end = await ended;
  assert.equal([end.status, end.exit_code, end.output], ['completed', 0, 'after'], end.error_summary);
  assert.match(readFileSync(join(world.runs.folder(run.spec), 'agent-stdout.txt'), 'utf8'), 'before');
  assert.not(existsSync(run.raw));
});

test('of an agent that ended while nobody looked, code and result are found', async () => {
  const world = await openWorld();
  const go = join(temporary('go'), 'go');
  const run = await orphan(
    world,
    'codex',
    { tool: `until [ -e ${go} ]; do sleep 0.02; done` },
    { result: '500 server error' },
    { exit: 7 },
  );
  await run.kill();
  writeFileSync(go, '');
  await until('its code is written', () => existsSync(join(run.raw, 'exit')));
  const then = new Date(1_000 * Math.floor(Date.now() / 1_000 - 1));
  utimesSync(join(run.raw, 'exit'), then, then);
  const end = await adopt(world, run.spec);
  assert.equal([end.status, end.exit_code, end.class], ['failed', 7, 'transient']);
  assert.is((await world.runs.find(run.spec))?.end_time, then.toISOString(), 'it ended when it ended');
});

test('an adopted agent that was killed together with its shim is lost, and may be tried again', async () => {
  const world = await openWorld();
  const run = await orphan(world, 'gemini', { hang: true });
  await run.kill();
  const shim = (await world.runs.find(run.spec))!.pid;
  process.kill(-shim, 'SIGKILL');
  await until('both are gone', () => !lives(run.pid) && !lives(shim));
  const end = await adopt(world, run.spec);
  assert.equal([end.status, end.reason, end.class], ['failed', 'lost', 'transient']);
});

test('an adopted run can be stopped', async () => {
  const world = await openWorld();
  const run = await orphan(world, 'claude', { deaf: true }, { hang: true });
  await run.kill();
  const ended = adopt(world, run.spec);
  await until('it is ours', () => world.runner.ownership(run.spec) === 'owned');
  await world.runner.stop(run.spec, 'enough');
  assert.not(lives(run.pid));
  assert.is((await ended).reason, 'stopped: enough');
});

test('who comes second waits for the first, and gets the same end', async () => {
  const world = await openWorld();
  const go = join(temporary('go'), 'go');
  const run = await orphan(
    world,
    'claude',
    { tool: `until [ -e ${go} ]; do sleep 0.02; done` },
    { say: 'once' },
    { result: true },
  );
  const info = (await world.runs.find(run.spec))!;
  const second = lastValueFrom(world.runner.adopt(info)) as Promise<RunEnd>;
  writeFileSync(go, '');
  const end = await second;
  assert.equal([end.status, end.output], ['completed', 'once']);
});

test('a run that was said to start, and never did, ends as never started and can no longer start', async () => {
  const world = await openWorld();
  const spec = world.specOf('claude', script({ say: 'x' }, { result: true }));
  const { run_id, project_id, task_id, agent, cwd, depth, attempt } = spec;
  const end = (await lastValueFrom(
    world.runner.adopt({ run_id, project_id, task_id, agent, cwd, depth, attempt }),
  )) as RunEnd;
  assert.equal([end.status, end.reason, end.class], ['failed', 'never_started', 'transient']);
  const late = (await lastValueFrom(world.runner.attempt(spec))) as RunEnd;
  assert.is(late.status, 'failed', 'its starter comes too late');
  assert.is((await world.runs.find(spec))?.status, 'failed');
});

test('what was noted of a run that has ended is told again', async () => {
  const world = await openWorld();
  const { spec, end } = await world.run('claude', script({ say: 'kept' }, { result: true }));
  const again = await adopt(world, spec);
  assert.equal([again.status, again.output, again.session_id], ['completed', 'kept', end.session_id]);
});

test.run();
