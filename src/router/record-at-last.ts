import { Observable, defer, retry, throwError, timer } from 'rxjs';
import { backoffDelay } from '../core/backoff.js';
import { toConductorError, type ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import type { Clock, Ledger, Log, Random } from '../core/ports.js';

export interface RecordPorts {
  ledger: Ledger;
  clock: Clock;
  random: Random;
  log: Log;
}

const BACKOFF = { base_ms: 1_000, cap_ms: 30_000 };

type IsThere = () => Promise<boolean>;

const tryAgain = (
  { ledger, clock, random, log }: RecordPorts,
  facts: readonly Draft[],
  isThere: IsThere,
  failure: unknown,
): Observable<void> => {
  let first: ConductorError | undefined = toConductorError(failure);
  return defer(async () => {
    if (first) throw first;
    if (!(await isThere())) await ledger.record(facts);
  }).pipe(
    retry({
      delay: (error: unknown, failures) => {
        const fault = toConductorError(error);
        if (fault.code !== 'storage') return throwError(() => fault);
        if (first) log.error(`router: decisions wait until the bus takes them: ${fault.message}`);
        first = undefined;
        return timer(backoffDelay(failures, BACKOFF, random()), clock.scheduler);
      },
    }),
  );
};

/**
 * Records facts, and while the bus takes nothing (a full disk) tries it again for ever: what waits for them waits, and nothing
 * else stops. `isThere`: whether a try that was refused has put them on the bus all the same.
 */
export const recordAtLast = (ports: RecordPorts, facts: readonly Draft[], isThere: IsThere): Observable<void> =>
  new Observable((subscriber) => {
    ports.ledger.record(facts).then(
      () => {
        subscriber.next();
        subscriber.complete();
      },
      (error: unknown) => subscriber.add(tryAgain(ports, facts, isThere, error).subscribe(subscriber)),
    );
  });
