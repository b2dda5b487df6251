import { Subject, firstValueFrom, take } from 'rxjs';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Draft, Event } from '../core/event.js';
import type { Blobs, Bus, CheckpointFile, Cursor, DamagedRange, Ledger } from '../core/ports.js';
import { checkpointing, loadCheckpoint } from '../operators/checkpoints.js';
import { packCheckpoint, unpackCheckpoint } from './checkpoint.js';
import { Damage } from './damage.js';
import { emptyView, fold } from './fold.js';
import { newestSnapshot, packView, type SnapshotFact } from './snapshot.js';
import { Waiters } from './waiters.js';

const lastOf = async (bus: Bus): Promise<Event | undefined> => {
  for await (const event of bus.read({ tail: 1 })) return event;
  return undefined;
};

/** While so many events wait for their decision the fold is not saved: soon it is a small one again. */
const BACKLOG = 10_000;

export interface OpenLedger extends Ledger {
  /** Puts the fold on the bus, so that what was before may be removed. Resolves when it is durable. */
  snapshot(): Promise<{ cursor: Cursor; fold: string }>;
}

export interface LedgerOptions {
  /** Where the state of a SNAPSHOT is kept; without them none is read or taken. */
  blobs?: Blobs;
  /** Called with each damaged range that nobody has said on the bus yet. */
  onDamaged?: (ranges: readonly DamagedRange[]) => void;
}

/**
 * Folds the bus, from its checkpoint, the newest SNAPSHOT or its beginning, and follows it. Resolves when it has caught up with
 * what was there.
 */
export const openLedger = async (
  bus: Bus,
  file?: CheckpointFile,
  { blobs, onDamaged }: LedgerOptions = {},
): Promise<OpenLedger> => {
  const checkpoint =
    (await loadCheckpoint(bus, file, unpackCheckpoint)) ?? (blobs && (await newestSnapshot(bus, blobs)));
  const view = checkpoint?.view ?? emptyView();
  const folded = new Subject<Event>();
  const waiters = new Waiters();
  const damage = new Damage();
  const target = await lastOf(bus);
  const caughtUp = new Subject<void>();
  let isCaughtUp = target === undefined || checkpoint?.last === target.msg_id;
  // Only ids of our own writers rise; a foreign record may call itself anything.
  let seen = checkpoint?.last;
  let cursor: Cursor | undefined = checkpoint?.cursor;
  const checkpoints = checkpointing(file, (version) =>
    seen === undefined || cursor === undefined ? undefined : packCheckpoint({ cursor, last: seen, view }, version),
  );
  const subscription = bus.follow(cursor).subscribe({
    next: (batch) => {
      damage.met(batch.damaged);
      for (const event of batch.events) {
        fold(view, event);
        damage.folded(event);
        if (event.sealed) seen = event.msg_id;
        isCaughtUp ||=
          event.msg_id === target?.msg_id || (event.sealed && target?.sealed === true && event.msg_id >= target.msg_id);
        folded.next(event);
        if (event.sealed) waiters.reached(event.msg_id);
      }
      cursor = batch.cursor;
      if (isCaughtUp) {
        caughtUp.next();
        const unsaid = damage.take();
        if (unsaid.length > 0) onDamaged?.(unsaid);
      }
      checkpoints.folded(batch.events.length, isCaughtUp && view.undecided.size < BACKLOG);
    },
    error: (error: unknown) => {
      waiters.fail(toConductorError(error));
      folded.error(toConductorError(error));
    },
  });
  if (!isCaughtUp) await firstValueFrom(caughtUp.pipe(take(1)));
  const until = async (msg_id: string): Promise<void> => {
    if (seen !== undefined && seen >= msg_id) return;
    await waiters.wait(msg_id);
  };
  const record: Ledger['record'] = async (facts) => {
    const receipts = await bus.record(facts);
    const newest = receipts.filter((receipt) => !receipt.duplicate).at(-1);
    if (newest) await until(newest.msg_id);
    return receipts;
  };
  return {
    get view() {
      return view;
    },
    folded$: folded.asObservable(),
    until,
    record,
    async snapshot() {
      if (!blobs || seen === undefined || cursor === undefined)
        throw new ConductorError('internal', 'there is nothing to take a snapshot of');
      const taken = { last: seen, cursor };
      const { sha256: fold } = await blobs.put(packView(view));
      const data: SnapshotFact = { format: 1, ...taken, fold };
      const facts: Draft[] = [{ type: 'SNAPSHOT', data: { ...data }, body: `the state up to ${taken.last}` }];
      // Whoever starts a run looks for this alone, which may be about to go.
      if (view.paused) facts.push({ type: 'CONDUCTOR_PAUSED', body: 'still paused' });
      await record(facts);
      return { cursor: taken.cursor, fold };
    },
    async close() {
      subscription.unsubscribe();
      await checkpoints.close();
    },
  };
};
