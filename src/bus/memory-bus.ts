import { randomBytes } from 'node:crypto';
import { Observable, Subject } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import type { Draft, Event } from '../core/event.js';
import type { Batch, Bus, BusQuery, Clock, DamagedRange, Receipt } from '../core/ports.js';
import { prepareDraft } from './draft.js';
import { seal } from './format.js';
import { fromCursor, toCursor } from './cursor.js';
import { LiveKeys } from './known.js';
import { checkTail } from './query.js';
import { lastOf, select } from './reader.js';
import { Scanner } from './scanner.js';
import { nextMoment, stampOf, type Moment } from './stamp.js';

/** The same bus without a disk. Each message goes through the codec, so that it is read as it would be from a file. */
export const openMemoryBus = ({ clock }: { clock: Clock }): Bus => {
  const key = randomBytes(32);
  const known = new LiveKeys(key);
  const events: Event[] = [];
  const bell = new Subject<void>();
  let last: Moment | undefined;
  let closed = false;

  const write = async (drafts: readonly Draft[], own: boolean): Promise<Receipt[]> => {
    if (closed) throw new ConductorError('stopped', 'the bus is closed');
    const prepared = drafts.map((draft) => prepareDraft(draft, own));
    await Promise.resolve();
    const receipts = prepared.map((record): Receipt => {
      const first = record.dedupe_key === undefined ? undefined : known.find(record.dedupe_key, own);
      if (first !== undefined) return { msg_id: first, duplicate: true };
      last = nextMoment(clock.now(), last);
      const stamp = stampOf(last, process.pid, events.length + 1);
      const [item] = new Scanner(key).push(seal(record, stamp, own ? key : undefined));
      if (item?.kind !== 'event') throw new ConductorError('internal', 'a message could not be read back');
      events.push(item.event);
      known.add(item.event);
      return { msg_id: stamp.msg_id, duplicate: false };
    });
    bell.next();
    return receipts;
  };

  const follow = (cursor?: string): Observable<Batch> =>
    new Observable((subscriber) => {
      let at = events.length;
      let moved: DamagedRange[] = [];
      try {
        const { segment, offset } = cursor === undefined ? { segment: 1, offset: 0 } : fromCursor(cursor);
        if (segment === 1 && offset <= at) at = offset;
        else moved = [{ file: 'memory', segment: 1, from: at, to: offset, reason: `there are only ${at} messages` }];
      } catch (error) {
        subscriber.error(error);
        return;
      }
      const pump = (): void => {
        if (subscriber.closed || (at >= events.length && moved.length === 0)) return;
        const batch = { events: events.slice(at), damaged: moved };
        at = events.length;
        moved = [];
        subscriber.next({ ...batch, cursor: toCursor({ segment: 1, offset: at }) });
      };
      const rings = bell.subscribe({
        next: () => queueMicrotask(pump),
        error: (error: unknown) => subscriber.error(error),
      });
      queueMicrotask(pump);
      subscriber.add(rings);
    });

  async function* all(): AsyncGenerator<Event[]> {
    yield await Promise.resolve(events.slice());
  }

  async function* read(query: BusQuery = {}): AsyncGenerator<Event> {
    checkTail(query);
    if (query.msg_id !== undefined) {
      yield* events.filter(({ msg_id }) => msg_id === query.msg_id);
      return;
    }
    const selected = select(all(), query);
    for await (const batch of query.tail === undefined ? selected : lastOf(selected, query.tail)) yield* batch;
  }

  return {
    append: (drafts) => write(drafts, false),
    record: (drafts) => write(drafts, true),
    follow,
    read,
    end: () => Promise.resolve(toCursor({ segment: 1, offset: events.length })),
    close: () => {
      closed = true;
      return Promise.resolve();
    },
  };
};
