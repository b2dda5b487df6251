import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { filter, firstValueFrom, type Observable } from 'rxjs';
import { isReserved } from '../core/event-type.js';
import { judgeTurn, LOOP_CHECK, LOOP_TURN, type Loop, type LoopOptions, type LoopRequest } from '../core/loop.js';
import type { Bus, Runs, Workspaces } from '../core/ports.js';
import { stricter, type AgentEvent, type RunEnd } from '../core/run.js';
import { runAttempts } from './attempts.js';
import { loopEnded, loopPaused, loopStarted, loopTurn } from './loop-facts.js';
import { loopPrompt } from './loop-prompt.js';
import type { NextPorts } from './next-attempt.js';
import { pause } from './pause.js';
import { stopFact, type AttemptPorts } from './run-attempts.js';
import { Stop, anySaid } from './stop.js';

export type LoopPorts = AttemptPorts &
  NextPorts & {
    bus: Bus;
    runs: Runs;
    workspaces: Workspaces;
    /** While it is, no turn begins. */
    isPaused(): Promise<boolean>;
  };

export interface LoopControls {
  /** Ends the loop for good. */
  stop$: Observable<unknown>;
  /** No further turn begins here; whoever comes next goes on. */
  leave$?: Observable<unknown>;
  /** The same, and the run is ended. */
  kill$?: Observable<unknown>;
  onEvent?: (event: AgentEvent) => void;
}

export interface LoopEnd {
  end: RunEnd;
  turns: number;
}

const ONCE = { attempts: 1, base_ms: 1_000, cap_ms: 30_000 };
const LOOK_AGAIN_MS = 2_000;
/** Why a run ended that its loop will start again. */
const SHUTDOWN = 'the conductor was stopped';

const doneOf = ({ runs }: Pick<LoopPorts, 'runs'>, { project_id, task_id }: LoopRequest): string =>
  join(runs.folder({ project_id, task_id }), 'DONE');

/** Says durably that it is asked for. A DONE that an earlier loop left says nothing about this one. */
export const beginLoop = async (
  ports: Pick<LoopPorts, 'bus' | 'runs' | 'workspaces'>,
  request: LoopRequest,
  options: LoopOptions,
): Promise<Loop> => {
  const digest = await ports.workspaces.digest(request.cwd);
  const counts = { turn: 1, restarts: 0, usd: 0, crashes: 0, limited: 0, idle: 0 };
  const loop: Loop = { request, options, state: { ...counts, digest, since_id: '' } };
  rmSync(doneOf(ports, request), { force: true });
  const [receipt] = await ports.bus.record([loopStarted(loop)]);
  return { ...loop, state: { ...loop.state, since_id: receipt?.msg_id ?? '' } };
};

/** What others said in the task since then, for the next turn to read. */
const messagesSince = async (ports: LoopPorts, { request, state }: Loop, own: string | undefined) => {
  const { project_id, task_id } = request;
  const lines: string[] = [];
  let last = state.since_id;
  const read = async (query: { since_id: string } | { tail: number }): Promise<void> => {
    for await (const event of ports.bus.read({ project_id, task_id, ...query })) {
      last = event.msg_id;
      if (!isReserved(event.type) && event.run_id !== own) lines.push(`${event.type} ${event.body.trim()}`);
    }
  };
  // A message that is no longer there: what is left must do.
  await read({ since_id: last }).catch(() => read({ tail: 50 }));
  return { lines, last };
};

/** Runs the check as a run of the same task, so that it is stopped, limited and kept like any other. */
const verified = async (
  ports: LoopPorts,
  request: LoopRequest,
  command: string,
  stops: readonly Stop[],
): Promise<{ ok: boolean; said: string }> => {
  const check = { ...request, agent: 'shell', prompt: `${command}\n`, step: LOOP_CHECK, retry: ONCE };
  const { end } = await runAttempts(ports, check, anySaid(...stops));
  return { ok: end.status === 'completed', said: `${end.output}\n${end.stderr}\n${end.error_summary ?? ''}` };
};

/** The end of the turn that was at work when whoever carried the loop died; undefined: it is begun anew. */
const lastEnd = async (ports: LoopPorts, { request, run_id, stopped }: Loop): Promise<RunEnd | undefined> => {
  if (run_id === undefined || stopped?.reason?.includes(SHUTDOWN)) return undefined;
  const { project_id, task_id } = request;
  const info = await ports.runs.find({ project_id, task_id, run_id });
  if (info === undefined) return undefined;
  const end = await firstValueFrom(
    ports.runner.adopt(info).pipe(filter((event): event is RunEnd => event.kind === 'end')),
  );
  // Nobody else was there to say it.
  if (stopped === undefined) await ports.bus.record([stopFact(request, end)]);
  return { ...end, ...stopped };
};

/**
 * Starts an agent again and again until DONE is there and the check, if any, succeeds. DONE is a file, never a phrase.
 * Children are awaited by each run itself. Ends at a permanent failure, without progress, over budget, or when stopped;
 * undefined when it was left to whoever comes next.
 */
export const carryLoop = async (
  ports: LoopPorts,
  loop: Loop,
  { stop$, leave$, kill$, onEvent }: LoopControls,
): Promise<LoopEnd | undefined> => {
  const [stop, leave, kill] = [new Stop(), new Stop(), new Stop()];
  const hear = (from$: Observable<unknown> | undefined, to: Stop, why: string) =>
    from$?.subscribe({ next: () => to.say(why), error: () => to.say(why) });
  const hearing = [hear(stop$, stop, 'stopped'), hear(leave$, leave, 'draining'), hear(kill$, kill, SHUTDOWN)];
  try {
    const ended = await turns(ports, loop, { stop, leave, kill }, onEvent);
    if (ended) await ports.bus.record([loopEnded(loop.request, ended.end, ended.turns)]);
    return ended;
  } finally {
    for (const one of hearing) one?.unsubscribe();
  }
};

const turns = async (
  ports: LoopPorts,
  loop: Loop,
  { stop, leave, kill }: Record<'stop' | 'leave' | 'kill', Stop>,
  onEvent: LoopControls['onEvent'],
): Promise<LoopEnd | undefined> => {
  const { request, options } = loop;
  const done = doneOf(ports, request);
  let { state } = loop;
  let found = await lastEnd(ports, loop);
  let previous = found?.run_id;
  const stopped = (run_id: string): RunEnd => ({
    ...{ kind: 'end', run_id, status: 'failed', exit: 1, class: 'transient', exit_code: -1, reason: 'stopped' },
    ...{ output: '', stderr: '', error_summary: 'it was stopped', duration_ms: 0 },
  });

  for (;;) {
    let read_to = state.since_id;
    let end = found;
    found = undefined;
    if (end === undefined) {
      const wait = Date.parse(state.not_before ?? '') - ports.clock.now();
      if (wait > 0) await pause(ports.clock, wait, stop, leave, kill);
      while (!stop.reason && !leave.reason && !kill.reason && (await ports.isPaused()))
        await pause(ports.clock, LOOK_AGAIN_MS, stop, leave, kill);
      if (stop.reason !== undefined) return { end: stopped(previous ?? ''), turns: state.turn - 1 };
      if (leave.reason !== undefined || kill.reason !== undefined) return undefined;
      const said = await messagesSince(ports, { ...loop, state }, previous);
      read_to = said.last;
      end = await turn(ports, { ...loop, state }, { said: said.lines, done, previous }, anySaid(stop, kill), onEvent);
    }
    previous = end.run_id;
    if (kill.reason !== undefined) return undefined;
    if (stop.reason !== undefined || end.reason?.startsWith('stopped')) return { end, turns: state.turn };

    let refused: string | undefined;
    const isDone = existsSync(done);
    if (isDone && options.verify !== undefined) {
      const check = await verified(ports, request, options.verify, [stop, kill]);
      if (kill.reason !== undefined) return undefined;
      if (stop.reason !== undefined) return { end: stopped(previous), turns: state.turn };
      if (!check.ok) {
        refused = check.said;
        rmSync(done, { force: true });
      }
    }
    const digest = await ports.workspaces.digest(request.cwd);
    const verdict = judgeTurn(
      { end, done: isDone && refused === undefined, digest, ...(refused === undefined ? {} : { refused }) },
      { ...state, since_id: read_to },
      options,
      { cwd: request.cwd, now: ports.clock.now(), random: ports.random() },
    );
    if ('over' in verdict) return { end: verdict.over, turns: state.turn };
    const waits = verdict.state.limited > 0 ? [loopPaused(request, end, verdict.state.not_before ?? '')] : [];
    state = verdict.state;
    await ports.bus.record([loopTurn(request, state), ...waits]);
  }
};

const turn = async (
  ports: LoopPorts,
  { request, options, state }: Loop,
  { said, done, previous }: { said: readonly string[]; done: string; previous: string | undefined },
  stop$: Observable<unknown>,
  onEvent: LoopControls['onEvent'],
): Promise<RunEnd> => {
  const agent = ports.agents.find(request.agent);
  const { turn: number, last, refused, session } = state;
  const changes = number === 1 ? '' : await ports.workspaces.summary(request.cwd);
  const news = { turn: number, done, verify: options.verify, last, refused, messages: said, changes };
  const { end } = await runAttempts(
    ports,
    {
      ...request,
      step: LOOP_TURN,
      ...(previous === undefined ? {} : { previous_run_id: previous }),
      // A script is no text to add to; it finds the same in its environment.
      prompt: agent.backend === 'shell' ? request.prompt : loopPrompt(request.prompt, news),
      ...(options.max_usd === undefined
        ? {}
        : { limits: stricter(request.limits ?? {}, { usd: options.max_usd - state.usd }) }),
      env: { ...request.env, CONDUCTOR_DONE: done, ITERATION: String(number), LAST_CHECK: refused ?? '' },
      ...(session !== undefined && agent.resumes ? { resume_session: session } : {}),
      ...(onEvent === undefined ? {} : { onEvent }),
      retry: ONCE,
    },
    stop$,
  );
  return end;
};
