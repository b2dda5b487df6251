import { Observable, type Subscription, timer } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import type { Arrival, Clock } from '../core/ports.js';

const FIRST_MS = 1_000;
const MOST_MS = 30_000;

/**
 * One draft that nobody outside would send again: offered anew while the bus cannot store it, and complete once it is
 * durable. It carries a dedupe key, so one that was stored after all is not told twice.
 */
export const insist = (draft: Draft, clock: Clock): Observable<Arrival> =>
  new Observable((subscriber) => {
    let waiting: Subscription | undefined;
    const offer = (pause: number): void => {
      let answered = false;
      subscriber.next({
        drafts: [draft],
        settle: (outcome) => {
          if (answered) return;
          answered = true;
          // A refusal will not change; a full disk may.
          const refused = 'error' in outcome && outcome.error instanceof ConductorError && outcome.error.status < 500;
          if ('receipts' in outcome || refused) subscriber.complete();
          else
            waiting = timer(pause, clock.scheduler).subscribe({
              next: () => offer(Math.min(pause * 2, MOST_MS)),
              error: (error: unknown) => subscriber.error(error),
            });
        },
      });
    };
    offer(FIRST_MS);
    return () => waiting?.unsubscribe();
  });
