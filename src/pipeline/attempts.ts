import type { Observable } from 'rxjs';
import { MAX_DEPTH } from '../core/depth.js';
import type { RunEnd } from '../core/run.js';
import { chooseAgent } from './choose-agent.js';
import { createNext, type NextPorts } from './next-attempt.js';
import { pause } from './pause.js';
import { follow, startFact, stopFact, tooDeep, type AttemptPorts, type AttemptRequest } from './run-attempts.js';
import { Stop } from './stop.js';

/**
 * Attempts until one succeeds, the failure is of no class that is tried again, or the attempts are used up. Each attempt
 * is on the bus before it starts and after it ends.
 */
export const runAttempts = async (
  ports: AttemptPorts & NextPorts,
  { retry, ...asked }: AttemptRequest,
  stop$: Observable<unknown>,
): Promise<{ end: RunEnd; attempts: number }> => {
  const stop = new Stop();
  const stopping = stop$.subscribe({
    next: (why) => stop.say(typeof why === 'string' ? why : 'stopped'),
    error: () => stop.say('stopped'),
  });
  const ledger = ports.ledger ?? ports.bus;
  const { request: first, said } = await chooseAgent(ports, asked);
  const next = createNext(ports, first);
  let request = first;
  let previous: string | undefined;
  try {
    if (said) await ledger.record([said]);
    for (let attempt = 1; ; attempt++) {
      const run_id = ports.ids.runId();
      if (request.depth >= MAX_DEPTH) return { end: tooDeep(run_id, request.depth), attempts: attempt };
      await ledger.record([startFact(request, run_id, attempt)]);
      const { onEvent, root: _root, cause: _cause, pool: _pool, ...spec } = request;
      const run$ = ports.runner.attempt({
        ...spec,
        run_id,
        attempt,
        ...(previous ? { previous_run_id: previous } : {}),
      });
      const end = await follow(ports.runner, { ...request, run_id }, run$, stop, onEvent);
      await ledger.record([stopFact(request, end)]);
      const following = stop.reason === undefined ? next(request, end, attempt, retry) : undefined;
      if (following === undefined) return { end, attempts: attempt };
      if (following.said) await ledger.record([following.said]);
      previous = run_id;
      request = following.request;
      await pause(ports.clock, following.delay_ms, stop);
      if (stop.reason !== undefined) return { end: { ...end, reason: 'stopped' }, attempts: attempt };
    }
  } finally {
    stopping.unsubscribe();
  }
};
