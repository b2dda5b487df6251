import type { Draft } from '../core/event.js';
import type { Loop, LoopRequest, LoopState } from '../core/loop.js';
import type { RunEnd } from '../core/run.js';

const scopeOf = ({ project_id, task_id, trust, depth, actor }: LoopRequest) => ({
  project_id,
  task_id,
  trust,
  depth,
  source: 'loop',
  ...(actor === undefined ? {} : { actor }),
});

export const loopStarted = ({ request, options, state }: Loop): Draft => ({
  ...scopeOf(request),
  type: 'RUN_LOOP_STARTED',
  data: { request, options, state },
  body: `${request.agent} is started again until it is done`,
});

/** Another process goes on with it. */
export const loopResumed = ({ request, state }: Loop): Draft => ({
  ...scopeOf(request),
  type: 'RUN_LOOP_RESUMED',
  data: { turn: state.turn },
  body: `the loop of ${request.agent} is carried by the service`,
});

export const loopTurn = (request: LoopRequest, state: LoopState): Draft => ({
  ...scopeOf(request),
  type: 'RUN_LOOP_TURN',
  data: { state },
  body: `turn ${state.turn} of ${request.agent} begins at ${state.not_before ?? 'once'}`,
});

export const loopEnded = (request: LoopRequest, end: RunEnd, turns: number): Draft => ({
  ...scopeOf(request),
  run_id: end.run_id,
  type: 'RUN_LOOP_ENDED',
  data: { turns, status: end.status, exit: end.exit, ...(end.reason === undefined ? {} : { reason: end.reason }) },
  body:
    end.status === 'completed'
      ? `${request.agent} is done after ${turns} turns`
      : `ERROR: ${request.agent} is given up after ${turns} turns: ${end.error_summary ?? end.reason ?? ''}`,
});

/** Said when a loop waits for a full service. */
export const loopPaused = (request: LoopRequest, end: RunEnd, until: string): Draft => ({
  ...scopeOf(request),
  run_id: end.run_id,
  type: 'RUN_PAUSED',
  data: { run_id: end.run_id, until, reason: 'rate_limit' },
  body: `${request.agent} is at its limit: the loop goes on at ${until}`,
});
