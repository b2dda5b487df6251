import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { clock } from '../../src/cli/system.js';
import type { AttemptSpec } from '../../src/core/ports.js';
import type { AgentEvent, RunEnd } from '../../src/core/run.js';
import type { AgentConfig } from '../../src/runner/agents/backend.js';
import { createAgents } from '../../src/runner/agents.js';
import { createRunner, type RunnerOptions } from '../../src/runner/runner.js';
import { createIds } from '../../src/storage/ids.js';
import { openRoot } from '../../src/storage/root.js';
import { openRuns } from '../../src/storage/run-store.js';
import { openSlots } from '../../src/storage/slots.js';
import { cleanEnvironment, project, temporary } from '../support/service.js';

/** One thing that the fake agent does; see test/support/fake-agent.mjs. */
export type Act = Record<string, unknown>;
export const script = (...acts: Act[]): string => `Do this.\nSCRIPT ${JSON.stringify(acts)}\n`;

/** A folder with the fake agent under the names of the real ones. */
export const fakeAgents = (): string => {
  const bin = temporary('agents');
  for (const name of ['claude', 'codex', 'gemini', 'plain']) {
    const program = join(project, 'test', 'support', 'fake-agent.mjs');
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${program}' ${name} "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
};

export interface WorldOptions extends Partial<RunnerOptions> {
  config?: Record<string, AgentConfig>;
  slotCount?: number;
}

/** A root with a runner, in which the fake agents are the only ones. */
export const openWorld = async (options: WorldOptions = {}) => {
  const root = await openRoot(join(temporary('root'), 'runs'));
  const runs = openRuns(root.path);
  const ids = createIds(clock);
  const bin = fakeAgents();
  const environment = cleanEnvironment();
  environment['PATH'] = `${bin}:${environment['PATH']}`;
  const { config, slotCount, ...rest } = options;
  const agents = createAgents({
    config: { plain: { command: ['plain'] }, ...config },
    environment: { ...environment, ...rest.environment },
    restProgram: [process.execPath, join(project, 'dist', 'runner', 'rest', 'main.js')],
  });
  const slots = openSlots(root.path, slotCount ?? 16, clock);
  const open = () =>
    createRunner({
      rootPath: root.path,
      runs,
      agents,
      clock,
      slots,
      ...rest,
      environment: { ...environment, ...rest.environment },
    });
  const runner = open();
  const work = join(temporary('work'), 'folder');
  mkdirSync(work);
  const specOf = (agent: string, prompt: string, more: Partial<AttemptSpec> = {}): AttemptSpec => ({
    run_id: ids.runId(),
    project_id: 'test',
    task_id: 'task',
    agent,
    prompt,
    cwd: work,
    env: {},
    timeout_ms: 60_000,
    depth: 0,
    trust: 'full',
    attempt: 1,
    ...more,
  });
  const run = async (agent: string, prompt: string, more: Partial<AttemptSpec> = {}) => {
    const spec = specOf(agent, prompt, more);
    const told = await lastValueFrom(runner.attempt(spec).pipe(toArray()));
    const end = told.at(-1) as RunEnd;
    const read = (name: string): string => readFileSync(join(runs.folder(spec), name), 'utf8');
    return { spec, end, events: told.slice(0, -1) as AgentEvent[], read };
  };
  return { root, runs, runner, open, specOf, run, work, bin, environment, slots, ids, agents };
};
export type World = Awaited<ReturnType<typeof openWorld>>;

/** Whether a process is there and no zombie. */
export const lives = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

export const pidsIn = (path: string): number[] => {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};
