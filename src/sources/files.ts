import { isAbsolute, relative } from 'node:path';
import {
  concatMap,
  debounce,
  defer,
  EMPTY,
  from,
  filter,
  map,
  merge,
  mergeMap,
  type Observable,
  repeat,
  retry,
  tap,
  timer,
} from 'rxjs';
import { ConductorError, toConductorError } from '../core/errors.js';
import { isReserved, normaliseType } from '../core/event-type.js';
import type { Arrival, Clock, Log, Source } from '../core/ports.js';
import { bell } from './bell.js';
import { insist } from './insist.js';
import { ignoring, pathGlob, toPosix } from './path-glob.js';
import { type Change, compare, type Found, isShut, scan, withMoves, type Selection, stampsOf } from './snapshot.js';

export interface FileOptions {
  /** Paths or globs, relative to `cwd`. */
  paths: readonly string[];
  ignore: readonly string[];
  debounce_ms: number;
  type: string;
  cwd: string;
  clock: Clock;
  log: Log;
  /** How often everything is looked at, whatever the watcher said. */
  rescan_ms?: number;
}

/** Our own bookkeeping: an event about it would be the cause of the next. */
const OURS = ['.git', '.conductor', 'MESSAGE-BUS*.md'];
/** A record of the bus should stay small; `count` tells how many there were. */
const MOST_LISTED = 1_000;
/** Changes that never pause are told all the same, after this many times the debounce. */
const MOST_DEBOUNCES = 10;
const RESCAN_MS = 5_000;

const selectionOf = ({ paths, ignore, cwd }: FileOptions): Selection => {
  const globs = paths.map((path) => pathGlob(isAbsolute(path) ? toPosix(relative(cwd, path)) || '.' : path));
  return {
    cwd,
    bases: [...new Set(globs.map((glob) => glob.base))],
    isWanted: (path) => globs.some((glob) => glob.matches(path)),
    isIgnored: ignoring([...OURS, ...ignore]),
  };
};

/** Says once what cannot be looked at, by what a look at everything found or why it failed, and again when that is another thing. */
const troubles = (
  { log, cwd }: FileOptions,
  { bases }: Selection,
): {
  found: (found: Found) => void;
  failed: (error: unknown) => void;
} => {
  let said = '';
  const say = (why: string): void => {
    if (why !== '' && why !== said)
      log.warn(`files: ${bases.join(', ')}: ${why}; what changes there is told when it can be read`, { cwd });
    said = why;
  };
  return {
    found: ({ shut }) => {
      const [first] = shut;
      const more = shut.size > 1 ? ` and ${shut.size - 1} more` : '';
      say(first === undefined ? '' : `no leave to read ${first}${more}`);
    },
    failed: (error) => {
      say(toConductorError(error).message);
    },
  };
};

/**
 * What the watcher says is only a bell: what changed is found by looking at the files and comparing with what was known.
 * So a change that the watcher drops (it keeps only the first of two quick ones) or that the kernel's queue loses is found
 * by the rescan, and a file that was written and put back is no change at all.
 */
const batches = (options: FileOptions, selection: Selection): Observable<Change[]> => {
  const say = troubles(options, selection);
  return defer(() => from(scan(selection))).pipe(
    tap({ next: say.found, error: say.failed }),
    // Nothing was known yet, so nothing is lost by beginning again.
    retry({ delay: () => timer(RESCAN_MS, options.clock.scheduler) }),
    mergeMap(({ stamps: known }) => {
      const { scheduler } = options.clock;
      const touched = new Set<string>();
      let everything = false;
      let since: number | undefined;
      let lastScanTook = 0;

      const note = (path: string | undefined): void => {
        since ??= options.clock.now();
        if (path === undefined) everything = true;
        else touched.add(path);
      };
      const quiet = (): Observable<unknown> => {
        const waited = options.clock.now() - (since ?? options.clock.now());
        return timer(
          Math.max(0, Math.min(options.debounce_ms, options.debounce_ms * MOST_DEBOUNCES - waited)),
          scheduler,
        );
      };
      const lookAt = async (paths: readonly string[] | undefined): Promise<Found> => {
        if (paths !== undefined) return stampsOf(selection, paths);
        const begun = options.clock.now();
        const found = await scan(selection);
        lastScanTook = options.clock.now() - begun;
        return found;
      };
      const look = async (): Promise<Change[]> => {
        const paths = everything ? undefined : [...touched];
        everything = false;
        touched.clear();
        since = undefined;
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
            .filter((path) => !isShut(now, path))
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

      return merge(bell(selection, options.log), rescan).pipe(tap(note), debounce(quiet), concatMap(look));
    }),
  );
};

export const fileSource = (options: FileOptions): Source => {
  const type = normaliseType(options.type);
  if (isReserved(type))
    throw new ConductorError('configuration', `watch: the type ${type} is said by the conductor alone`);
  const selection = selectionOf(options);
  const name = `file:${selection.bases[0] ?? '.'}`;
  let batch = 0;
  return {
    name,
    description: `files: ${options.paths.join(', ')}`,
    open: (): Observable<Arrival> =>
      batches(options, selection).pipe(
        mergeMap((changes) => {
          if (changes.length === 0) return EMPTY;
          const [first] = changes;
          return insist(
            {
              type,
              source: name.slice(0, 200),
              dedupe_key: `${name.slice(0, 200)}:${options.clock.now()}:${++batch}`,
              body:
                changes.length === 1
                  ? `${first?.path} ${first?.change}`
                  : `${changes.length} files changed, ${first?.path} among them`,
              data: {
                changes: changes.slice(0, MOST_LISTED),
                count: changes.length,
                ...(changes.length > MOST_LISTED ? { truncated: true } : {}),
              },
            },
            options.clock,
          );
        }),
      ),
  };
};
