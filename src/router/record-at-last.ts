import { defer, retry, throwError, timer, type Observable } from 'rxjs';
import { backoffDelay } from '../core/backoff.js';
import { toConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import type { Clock, Ledger, Log, Random } from '../core/ports.js';

export interface RecordPorts {
  ledger: Ledger;
  clock: Clock;
  random: Random;
  log: Log;
}

const BACKOFF = { base_ms: 1_000, cap_ms: 30_000 };

/**
 * Records facts, and while the bus takes nothing (a full disk) tries it again for ever: what waits for them waits, and nothing
 * else stops. `isThere`: whether a try that was refused has put them on the bus all the same.
 */
export const recordAtLast = (
  { ledger, clock, random, log }: RecordPorts,
  facts: readonly Draft[],
  isThere: () => Promise<boolean>,
): Observable<void> => {
  let refused = false;
  return defer(async () => {
    if (refused && (await isThere())) return;
    await ledger.record(facts);
  }).pipe(
    retry({
      delay: (error: unknown, failures) => {
        const fault = toConductorError(error);
        if (fault.code !== 'storage') return throwError(() => fault);
        if (!refused) log.error(`router: decisions wait until the bus takes them: ${fault.message}`);
        refused = true;
        return timer(backoffDelay(failures, BACKOFF, random()), clock.scheduler);
      },
    }),
  );
};
