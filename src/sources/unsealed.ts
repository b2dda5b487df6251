import { createHash } from 'node:crypto';
import { concatMap, defer, from, mergeMap, type Observable, switchMap, tap } from 'rxjs';
import { isReserved } from '../core/event-type.js';
import type { Draft, Event } from '../core/event.js';
import type { Arrival, Bus, Clock, Cursor, Source } from '../core/ports.js';
import { insist } from './insist.js';
import { legible } from './text.js';

/** What is older was said to somebody else. */
const LONGEST_AGO_MS = 24 * 3_600_000;

/** No time of its own is the epoch. */
const isOld = ({ ts }: Event, now: number): boolean => {
  const at = Date.parse(ts);
  return at > 0 && now - at > LONGEST_AGO_MS;
};

/** What our sources say of an actor and of a maker is theirs to say. */
const OURS = new Set(['actor_kind', 'made_by']);

const draftOf = (event: Event): Draft => {
  const { msg_id, type, project_id, task_id, run_id, parents, issue_id, links, meta, data, body } = event;
  const text = createHash('sha256')
    .update(JSON.stringify([type, data, body]))
    .digest('hex');
  return {
    type,
    project_id,
    task_id,
    run_id,
    issue_id,
    ...(links ? { links: [...links] } : {}),
    meta: { ...Object.fromEntries(Object.entries(meta ?? {}).filter(([key]) => !OURS.has(key))), unsealed: msg_id },
    parents: [...parents],
    depth: event.depth,
    source: 'unsealed',
    dedupe_key: `unsealed/${msg_id}/${text.slice(0, 16)}`,
    data: { ...data },
    body: legible(body),
    trust: 'outside',
  };
};

/**
 * Says once more, as a message of ours, what others write into the bus file by hand: legacy lines and foreign records, but
 * for reserved types. So rules hear of it. Begins at `decided`, or where there is none at the end of the bus.
 */
export const unsealedSource = ({
  bus,
  clock,
  decided,
}: {
  bus: Pick<Bus, 'follow' | 'end'>;
  clock: Clock;
  /** Where the router is. */
  decided: () => Cursor | undefined;
}): Source => {
  let reached: Cursor | undefined;

  const follow = (cursor: Cursor): Observable<Arrival> =>
    bus.follow(cursor).pipe(
      // One after the other: what comes after a batch that is not told yet is not reached.
      concatMap((batch) => {
        const now = clock.now();
        const events = batch.events.filter((event) => !event.sealed && !isReserved(event.type) && !isOld(event, now));
        const done = (): void => {
          reached = batch.cursor;
        };
        // What is no message of ours in form is refused, and so only shown.
        return from(events).pipe(
          mergeMap((event) => insist(draftOf(event), clock)),
          tap({ complete: done }),
        );
      }),
    );

  return {
    name: 'unsealed',
    description: 'lines and records that others write into the bus file',
    open: () => defer(() => from(Promise.resolve(reached ?? decided() ?? bus.end()))).pipe(switchMap(follow)),
  };
};
