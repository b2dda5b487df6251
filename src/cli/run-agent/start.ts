import { resolve } from 'node:path';
import { filter, fromEvent, merge, mergeMap, type Observable } from 'rxjs';
import { ConductorError } from '../../core/errors.js';
import type { Bus } from '../../core/ports.js';
import type { AgentEvent, RunEnd } from '../../core/run.js';
import { runAttempts } from '../../pipeline/attempts.js';
import type { AttemptRequest } from '../../pipeline/run-attempts.js';
import type { Loop, LoopOptions } from '../../core/loop.js';
import { beginLoop, carryLoop } from '../../pipeline/until-done.js';
import { inheritable } from '../../runner/environment.js';
import { chainOf } from '../chain.js';
import { checkUser, userOf } from '../limits.js';
import type { Local } from '../local.js';
import { claimLoop } from '../loop-options.js';
import { openProgress } from '../progress.js';
import { surroundings } from '../surrounding.js';
import { env } from './options.js';

export interface Start {
  project_id: string;
  task_id: string;
  agent: string | undefined;
  prompt: string;
  cwd: string | undefined;
  /** Default: the agent's, else the configuration's. */
  timeout_ms: number | undefined;
  parent_run_id?: string | undefined;
  previous_run_id?: string | undefined;
  /** Of the run before, to go on in it. */
  resume_session?: string | undefined;
  onEvent?: (event: AgentEvent) => void;
  /** What is shown meanwhile; default: a line that moves on a terminal, else plain lines. `none`: something else shows it. */
  progress?: 'lines' | 'none';
}

const isPaused = async ({ bus }: { bus: Bus }): Promise<boolean> => {
  const types = ['CONDUCTOR_PAUSED', 'CONDUCTOR_UNPAUSED', 'CONDUCTOR_STOP_ALL'];
  let paused = false;
  for await (const event of bus.read({ types, tail: 1 }))
    paused = event.authentic && event.type !== 'CONDUCTOR_UNPAUSED';
  return paused;
};

const signals$ = (): Observable<unknown> => merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'));

const requestOf = async (local: Local, start: Start): Promise<Omit<AttemptRequest, 'retry'>> => {
  if (await isPaused(local))
    throw new ConductorError('paused', 'the conductor is paused: nothing new starts until "conductor unpause"');
  const surrounding = env('AGENT');
  const agent =
    start.agent === undefined
      ? local.agents.choose(surrounding === undefined ? undefined : [surrounding])
      : local.agents.find(start.agent);
  const around = await surroundings({ ...local, rootPath: local.root.path }, process.env);
  const parent = start.parent_run_id ?? around.parent_run_id;
  const root = parent === undefined ? undefined : await chainOf(local, parent);
  const user = userOf(process.env);
  await checkUser(local, user);
  return {
    ...(user === undefined ? {} : { actor: user }),
    project_id: start.project_id,
    task_id: start.task_id,
    agent: agent.name,
    prompt: start.prompt,
    cwd: resolve(start.cwd ?? '.'),
    env: {},
    timeout_ms: start.timeout_ms ?? agent.timeout_ms ?? local.config.defaults.timeout,
    ...around,
    ...(parent === undefined ? {} : { parent_run_id: parent }),
    ...(root === undefined ? {} : { root }),
    ...(start.previous_run_id === undefined ? {} : { previous_run_id: start.previous_run_id }),
    ...(start.resume_session === undefined ? {} : { resume_session: start.resume_session }),
  };
};

/** Does the work while the person on the terminal sees what the agent does. */
const shown = async <Result>(
  local: Local,
  start: Start,
  work: (request: Omit<AttemptRequest, 'retry'>) => Promise<Result>,
): Promise<Result> => {
  const request = await requestOf(local, start);
  const progress = start.progress === 'none' ? undefined : openProgress(request.agent, start.progress === 'lines');
  const onEvent = (event: AgentEvent): void => {
    progress?.on(event);
    start.onEvent?.(event);
  };
  try {
    return await work({ ...request, onEvent });
  } finally {
    progress?.close();
  }
};

/** One attempt in this process, to its end; a signal to us stops it. */
export const startRun = async (local: Local, start: Start): Promise<RunEnd> => {
  const retry = { attempts: 1, base_ms: 1_000, cap_ms: 30_000 };
  return shown(local, start, async (request) => (await runAttempts(local, { ...request, retry }, signals$())).end);
};

/** Said by whoever stops the task, or everything: it is heard also where nothing runs just now. */
const stopSaid$ = async ({ bus }: Local, { project_id, task_id }: Start): Promise<Observable<unknown>> =>
  bus.follow(await bus.end()).pipe(
    mergeMap(({ events }) => events),
    filter(
      (event) =>
        event.authentic &&
        (event.type === 'CONDUCTOR_STOP_ALL' ||
          (event.type === 'TASK_STOPPED' && event.project_id === project_id && event.task_id === task_id)),
    ),
  );

const carried = async (
  local: Local,
  start: Start,
  begin: (request: Omit<AttemptRequest, 'retry' | 'onEvent'>) => Promise<Loop>,
): Promise<RunEnd> => {
  const giveUp = claimLoop(local, start);
  try {
    const stop$ = merge(signals$(), await stopSaid$(local, start));
    const ports = { ...local, isPaused: () => isPaused(local) };
    const ended = await shown(local, start, async ({ onEvent, ...request }) =>
      carryLoop(ports, await begin(request), { stop$, ...(onEvent ? { onEvent } : {}) }),
    );
    if (ended === undefined) throw new ConductorError('stopped', 'it was left');
    process.stderr.write(`· ${ended.turns} ${ended.turns === 1 ? 'turn' : 'turns'}\n`);
    return ended.end;
  } finally {
    giveUp();
  }
};

/** One agent again and again, until DONE; a signal to us stops it for good. When we die the service goes on with it. */
export const startLoop = (local: Local, start: Start, options: LoopOptions): Promise<RunEnd> =>
  carried(local, start, (request) => beginLoop(local, { ...request, inherited: inheritable(process.env) }, options));

/** Goes on with a loop that nobody carries any more. */
export const resumeLoop = (local: Local, loop: Loop): Promise<RunEnd> => {
  const { project_id, task_id, agent, prompt, cwd, timeout_ms } = loop.request;
  return carried(local, { project_id, task_id, agent, prompt, cwd, timeout_ms }, async () => loop);
};

/** Its final text on stdout, or what went wrong on stderr; then the meaning. */
export const report = (end: RunEnd): number => {
  if (end.status === 'completed') {
    process.stdout.write(end.output.endsWith('\n') || end.output === '' ? end.output : `${end.output}\n`);
  } else {
    const why = end.error_summary ?? `exit code ${end.exit_code}`;
    process.stderr.write(`ERROR: ${end.reason && end.reason !== why ? `${end.reason}: ` : ''}${why}\n`);
  }
  return end.exit;
};
