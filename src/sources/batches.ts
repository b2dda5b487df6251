import {
  concatMap,
  debounce,
  defer,
  filter,
  from,
  map,
  merge,
  mergeMap,
  type Observable,
  repeat,
  retry,
  Subject,
  tap,
  timer,
} from 'rxjs';
import { toConductorError } from '../core/errors.js';
import type { Clock, Log } from '../core/ports.js';
import { bell } from './bell.js';
import { type Change, compare, type Found, isShut, scan, withMoves, type Selection, stampsOf } from './snapshot.js';
import { Touched } from './touched.js';

interface BatchOptions {
  debounce_ms: number;
  clock: Clock;
  log: Log;
  /** How often everything is looked at, whatever the watcher said. */
  rescan_ms?: number;
}

/** Changes that never pause are told all the same, after this many times the debounce. */
const MOST_DEBOUNCES = 10;
const RESCAN_MS = 5_000;

/** Says once what cannot be looked at, by what a look at everything found or why it failed, and again when that is another thing. */
const troubles = (
  { log }: BatchOptions,
  { bases, cwd }: Selection,
  failed: (why: string) => void,
): { found: (found: Found) => void; failed: (error: unknown) => void } => {
  let said = '';
  const say = (why: string): void => {
    if (why !== '' && why !== said) {
      const text = `${bases.join(', ')}: ${why}; what changes there is told when it can be read`;
      log.warn(`files: ${text}`, { cwd });
      failed(text);
    }
    said = why;
  };
  return {
    found: ({ shut }) => {
      const [first] = shut;
      const more = shut.size > 1 ? ` and ${shut.size - 1} more` : '';
      say(first === undefined ? '' : `no leave to read ${first}${more}`);
    },
    failed: (error) => say(toConductorError(error).message),
  };
};

/**
 * What the watcher says is only a bell: what changed is found by looking at the files and comparing with what was known.
 * So a change that the watcher drops (it keeps only the first of two quick ones) or that the kernel's queue loses is found
 * by the rescan, and a file that was written and put back is no change at all. `failed` is told what cannot be looked at.
 */
export const batches = (
  options: BatchOptions,
  selection: Selection,
  failed: (why: string) => void,
): Observable<Change[]> => {
  const say = troubles(options, selection, failed);
  return defer(() => from(scan(selection))).pipe(
    tap({ next: say.found, error: say.failed }),
    // Nothing was known yet, so nothing is lost by beginning again.
    retry({ delay: () => timer(RESCAN_MS, options.clock.scheduler) }),
    mergeMap(({ stamps: known }) => {
      const { clock, debounce_ms } = options;
      const { scheduler } = clock;
      const touched = new Touched(debounce_ms);
      /** Rings for what was left for later. */
      const again = new Subject<void>();
      let everything = false;
      let since: number | undefined;
      let lastScanTook = 0;

      const note = (path: string | undefined): void => {
        if (path === undefined) everything = true;
        else touched.note(path, clock.now());
      };
      const quiet = (): Observable<unknown> => {
        since ??= clock.now();
        const left = debounce_ms * MOST_DEBOUNCES - (clock.now() - since);
        return timer(Math.max(0, Math.min(debounce_ms, left)), scheduler);
      };
      const lookAt = async (paths: readonly string[] | undefined): Promise<Found> => {
        if (paths !== undefined) return stampsOf(selection, paths);
        const begun = clock.now();
        const found = await scan(selection);
        lastScanTook = clock.now() - begun;
        return found;
      };
      const look = async (): Promise<Change[]> => {
        const { settled, busy } = touched.take(clock.now());
        const paths = everything ? undefined : settled;
        everything = false;
        since = undefined;
        if (busy.size > 0) again.next();
        let now: Found;
        try {
          now = await lookAt(paths);
          if (paths === undefined) say.found(now);
        } catch (error) {
          say.failed(error);
          // Too many open files, a disk that fails: what is known stays as it was, and the next look is at everything.
          everything = true;
          return [];
        }
        const candidates = new Set(paths ?? [...known.keys(), ...now.stamps.keys()]);
        return withMoves(
          [...candidates]
            .filter((path) => !busy.has(path) && !isShut(now, path))
            .map((path) => compare(known, path, now.stamps.get(path)))
            .filter((one) => one !== undefined),
        ).sort((a, b) => (a.path < b.path ? -1 : 1));
      };

      // A big tree is not looked through all the time: at most a twentieth of it.
      const rescan = defer(() => timer(Math.max(options.rescan_ms ?? RESCAN_MS, lastScanTook * 20), scheduler)).pipe(
        repeat(),
        filter(() => {
          // While changes are waited out the rescan only widens the look, else it would put it off.
          everything = true;
          return since === undefined;
        }),
        map(() => undefined),
      );

      const rung = merge(bell(selection, options.log), rescan).pipe(tap(note));
      return merge(rung, again).pipe(debounce(quiet), concatMap(look));
    }),
  );
};
