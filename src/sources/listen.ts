import { defer, finalize, type Observable, Subscription } from 'rxjs';
import { toConductorError } from '../core/errors.js';
import { isReserved } from '../core/event-type.js';
import type { Draft } from '../core/event.js';
import type { Arrival, Bus, Clock, Log, Random, Source } from '../core/ports.js';
import { eachAwaited } from '../operators/each-awaited.js';
import { reopen, type Reopening } from '../operators/reopen.js';
import { insist } from './insist.js';

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
 * Appends what a source brings and tells it the outcome. A source that dies is said, in the log and on the bus as soon as
 * that takes it, and opened again with backoff; the others go on.
 */
export const listen = (ports: ListenPorts, source: Source): Observable<never> =>
  defer(() => {
    const { clock, random, log } = ports;
    const appended = eachAwaited((arrival: Arrival) => append(ports, arrival));
    // Beside the stream: a source that speaks much shall not pay for it.
    const saying = new Subscription();
    const failed: Reopening['failed'] = ({ error, failures, delay_ms }) => {
      const { message } = toConductorError(error);
      const text = `source ${source.name} died and opens again in ${delay_ms} ms: ${message}`;
      log.error(text);
      if (!isNews(failures)) return;
      const draft: Draft = {
        type: 'SOURCE_FAILED',
        source: source.name,
        dedupe_key: `source-failed:${source.name}:${clock.now()}:${failures}`,
        body: `ERROR: ${text}`,
        data: { source: source.name, error: message, failures, delay_ms },
      };
      saying.add(insist(draft, clock).pipe(appended).subscribe());
    };
    return defer(() => source.open()).pipe(
      reopen({ backoff: BACKOFF, random, scheduler: clock.scheduler, failed }),
      appended,
      finalize(() => saying.unsubscribe()),
    );
  });
