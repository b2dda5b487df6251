import { Subject, filter, firstValueFrom, take } from 'rxjs';
import { toConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Bus, Ledger } from '../core/ports.js';
import { emptyView, fold } from './fold.js';

/** Folds the bus from its beginning, then follows it. Resolves when it has caught up with what was there. */
export const openLedger = async (bus: Bus): Promise<Ledger> => {
  const view = emptyView();
  const folded = new Subject<Event>();
  const last = await lastId(bus);
  let seen: string | undefined;
  const caughtUp = new Subject<void>();
  const subscription = bus.follow().subscribe({
    next: (batch) => {
      for (const event of batch.events) {
        fold(view, event);
        seen = event.msg_id;
        folded.next(event);
      }
      if (seen !== undefined && last !== undefined && seen >= last) caughtUp.next();
    },
    error: (error: unknown) => folded.error(toConductorError(error)),
  });
  if (last !== undefined && (seen === undefined || seen < last)) await firstValueFrom(caughtUp.pipe(take(1)));
  const until = async (msg_id: string): Promise<void> => {
    if (seen !== undefined && seen >= msg_id) return;
    await firstValueFrom(
      folded.pipe(
        filter((event) => event.msg_id >= msg_id),
        take(1),
      ),
    );
  };
  return {
    get view() {
      return view;
    },
    folded$: folded.asObservable(),
    until,
    async record(facts) {
      const receipts = await bus.record(facts);
      const newest = receipts.filter((receipt) => !receipt.duplicate).at(-1);
      if (newest) await until(newest.msg_id);
      return receipts;
    },
    close() {
      subscription.unsubscribe();
      return Promise.resolve();
    },
  };
};

const lastId = async (bus: Bus): Promise<string | undefined> => {
  for await (const event of bus.read({ tail: 1 })) return event.msg_id;
  return undefined;
};
