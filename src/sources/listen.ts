import { defer, type Observable } from 'rxjs';
import { toConductorError } from '../core/errors.js';
import { isReserved } from '../core/event-type.js';
import type { Arrival, Bus, Clock, Log, Random, Source } from '../core/ports.js';
import { eachAwaited } from '../operators/each-awaited.js';
import { reopen } from '../operators/reopen.js';

interface ListenPorts {
  bus: Bus;
  clock: Clock;
  random: Random;
  log: Log;
}

const BACKOFF = { base_ms: 1_000, cap_ms: 60_000 };

const append = async ({ bus, log }: ListenPorts, arrival: Arrival): Promise<void> => {
  const { drafts } = arrival;
  try {
    const ours = drafts.every((draft) => isReserved(draft.type));
    const receipts = ours ? await bus.record(drafts) : await bus.append(drafts);
    arrival.settle?.({ receipts });
  } catch (error) {
    if (!arrival.settle) log.error(`an event could not be appended: ${toConductorError(error).message}`);
    arrival.settle?.({ error });
  }
};

/** On the bus the first failure of a row and each doubling of their number: a source that stays dead is no flood. */
const isNews = (failures: number): boolean => Number.isInteger(Math.log2(failures));

/**
 * Appends what a source brings and tells it the outcome. A source that dies is said, in the log and on the bus, and opened
 * again with backoff; the others go on.
 */
export const listen = (ports: ListenPorts, source: Source): Observable<never> =>
  defer(() => source.open()).pipe(
    reopen({
      backoff: BACKOFF,
      random: ports.random,
      scheduler: ports.clock.scheduler,
      failed: ({ error, failures, delay_ms }) => {
        const { message } = toConductorError(error);
        const text = `source ${source.name} died and opens again in ${delay_ms} ms: ${message}`;
        ports.log.error(text);
        if (!isNews(failures)) return;
        void append(ports, {
          drafts: [
            {
              type: 'SOURCE_FAILED',
              source: source.name,
              body: `ERROR: ${text}`,
              data: { source: source.name, error: message, failures, delay_ms },
            },
          ],
        });
      },
    }),
    eachAwaited((arrival) => append(ports, arrival)),
  );
