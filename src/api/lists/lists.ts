import { defer, retry, tap, type Subscription } from 'rxjs';
import { toConductorError } from '../../core/errors.js';
import type { Bus, CheckpointFile, Cursor, Log } from '../../core/ports.js';
import { checkpointing, loadCheckpoint } from '../../operators/checkpoints.js';
import { packLists, unpackLists } from './checkpoint.js';
import { fold } from './fold.js';
import { emptyShelves, type Shelves } from './shelves.js';

export interface Lists extends Shelves {
  /** Resolves when what was on the bus at the start is folded in. */
  ready(): Promise<void>;
  readonly isReady: boolean;
  /** Resolves when the message, and all before it, is folded in. */
  until(msg_id: string): Promise<void>;
  close(): Promise<void>;
}

const RETRY_AFTER_MS = 1_000;

/**
 * Runs, tasks, activations and approvals in memory, folded from the bus: a page costs what it shows, however many
 * there are.
 */
export const openLists = async ({
  bus,
  log,
  file,
}: {
  bus: Bus;
  log: Log;
  file?: CheckpointFile | undefined;
}): Promise<Lists> => {
  const checkpoint = await loadCheckpoint(bus, file, unpackLists);
  const shelves = checkpoint?.shelves ?? emptyShelves();
  const waiting = new Set<{ msg_id: string; resolve: () => void }>();
  let seen = checkpoint?.last ?? '';
  let cursor: Cursor | undefined = checkpoint?.cursor;
  let isReady = false;
  const checkpoints = checkpointing(file, (version) =>
    seen === '' || cursor === undefined ? undefined : packLists({ cursor, last: seen, shelves }, version),
  );

  const until = (msg_id: string): Promise<void> =>
    seen >= msg_id ? Promise.resolve() : new Promise((resolve) => waiting.add({ msg_id, resolve }));

  const subscription: Subscription = defer(() => bus.follow(cursor))
    .pipe(
      tap((batch) => {
        for (const event of batch.events) {
          fold(shelves, event);
          // A foreign record may have any id; ours alone rise.
          if (event.sealed && event.msg_id > seen) seen = event.msg_id;
        }
        cursor = batch.cursor;
        for (const one of waiting) {
          if (seen < one.msg_id) continue;
          waiting.delete(one);
          one.resolve();
        }
        checkpoints.folded(batch.events.length, isReady);
      }),
      tap({
        error: (error: unknown) =>
          log.error('the lists lost the bus', { reason: toConductorError(error).message, cursor }),
      }),
      retry({ delay: RETRY_AFTER_MS }),
    )
    .subscribe();

  const readiness = (async (): Promise<void> => {
    let last = '';
    for await (const event of bus.read({ tail: 20 })) if (event.sealed) last = event.msg_id;
    await until(last);
    isReady = true;
    checkpoints.folded(0, isReady);
  })();
  readiness.catch((error: unknown) =>
    log.error('the lists could not be read', { reason: toConductorError(error).message }),
  );

  return {
    ...shelves,
    until,
    ready: () => readiness,
    get isReady() {
      return isReady;
    },
    async close() {
      subscription.unsubscribe();
      await checkpoints.close();
    },
  };
};
