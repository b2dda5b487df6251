import { join } from 'node:path';
import { catchError, defer, EMPTY, exhaustMap, ignoreElements, timer, type Observable } from 'rxjs';
import { lock } from 'proper-lockfile';
import type { Taken } from '../bus/blob-sweep.js';
import { retain } from '../bus/retention.js';
import { momentOf } from '../bus/stamp.js';
import { toConductorError } from '../core/errors.js';
import type { LedgerView } from '../core/ledger-view.js';
import type { OpenLedger } from '../ledger/ledger.js';
import { layout } from '../storage/layout.js';
import type { Local } from './local.js';
import { clock, log } from './system.js';

const FIRST_MS = 5_000;
const EVERY_MS = 3_600_000;

/** As `20261121-013000…` tells; undefined when it is no id of ours. */
const timeOfRun = (run_id: string): number | undefined => {
  const match = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)/.exec(run_id);
  if (!match) return undefined;
  const [year = 0, month = 0, ...rest] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, ...rest);
};

/** The time (ms) of the oldest message that something open may still ask for. */
export const neededSince = (view: LedgerView): number => {
  const events = [view.undecided.first ?? '', ...[...view.open].map((id) => view.activations.get(id)?.event ?? '')];
  const waits = [...view.waiting.values()].map(({ ts }) => Date.parse(ts));
  const known = [...events.map((id) => momentOf(id)?.ms), ...[...view.runs.keys()].map(timeOfRun), ...waits];
  return known.reduce<number>((oldest, time) => Math.min(oldest, time ?? Infinity), Infinity);
};

/** Only one process at a time takes anything away from a root. */
export const whileCollecting = async <T>(rootPath: string, work: () => Promise<T>): Promise<T> => {
  const { own, rootFile } = layout(rootPath);
  const release = await lock(rootFile, { lockfilePath: join(own, 'gc.lock') });
  try {
    return await work();
  } finally {
    await release();
  }
};

/** Removes closed bus files whose messages are all older than `keep_ms`, and the blobs that they alone named. */
export const retainBus = (
  { root }: Pick<Local, 'root'>,
  ledger: OpenLedger,
  options: { keep_ms: number; dry_run?: boolean },
): Promise<Taken[]> =>
  retain({
    ...options,
    root: root.path,
    now: clock.now(),
    slowest: ledger.view.routed_to,
    needed: neededSince(ledger.view),
    snapshot: () => ledger.snapshot(),
  });

/** What `bus.keep` asks for, soon after the start and then every hour. Never fails. */
export const keepRetained = (
  { root, config }: Pick<Local, 'root' | 'config'>,
  ledger: OpenLedger,
): Observable<never> => {
  const keep_ms = config.bus.keep;
  if (keep_ms === undefined) return EMPTY;
  const once = async (): Promise<void> => {
    const taken = await whileCollecting(root.path, () => retainBus({ root }, ledger, { keep_ms }));
    for (const { path, bytes } of taken) log.info('removed, as bus.keep asks', { path, bytes });
  };
  return timer(FIRST_MS, EVERY_MS, clock.scheduler).pipe(
    exhaustMap(() =>
      defer(once).pipe(
        catchError((error: unknown) => {
          log.warn('nothing more of the bus was removed', { reason: toConductorError(error).message });
          return EMPTY;
        }),
      ),
    ),
    ignoreElements(),
  );
};
