import { createHash } from 'node:crypto';
import { isAbsolute, relative } from 'node:path';
import { defer, EMPTY, merge, mergeMap, type Observable, Subject } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import { isReserved, normaliseType } from '../core/event-type.js';
import type { Draft } from '../core/event.js';
import type { Arrival, Clock, Log, Source } from '../core/ports.js';
import { batches } from './batches.js';
import { shownPath } from './file-name.js';
import { insist } from './insist.js';
import { ignoring, pathGlob, toPosix } from './path-glob.js';
import type { Change, Selection } from './snapshot.js';
import { legible } from './text.js';

export interface FileOptions {
  /** Paths or globs, relative to `cwd`. */
  paths: readonly string[];
  ignore: readonly string[];
  debounce_ms: number;
  type: string;
  cwd: string;
  /** Where runs write: absolute. What happens in there is told only to who watches a folder in it. */
  root?: string | undefined;
  clock: Clock;
  log: Log;
  /** How often everything is looked at, whatever the watcher said. */
  rescan_ms?: number;
}

/** Our own bookkeeping: an event about it would be the cause of the next. */
const OURS = ['.git', '.conductor', 'MESSAGE-BUS*.md'];
/** A record of the bus should stay small; `count` tells how many there were. */
const MOST_LISTED = 1_000;

const isWithin = (folder: string, path: string): boolean => path === folder || path.startsWith(`${folder}/`);

const selectionOf = ({ paths, ignore, cwd, root }: FileOptions): Selection => {
  const inCwd = (path: string): string => toPosix(relative(cwd, path)) || '.';
  const globs = paths.map((path) => pathGlob(isAbsolute(path) ? inCwd(path) : path));
  const bases = [...new Set(globs.map((glob) => glob.base))];
  const isIgnored = ignoring([...OURS, ...ignore]);
  const runs = root === undefined ? undefined : inCwd(root);
  // A run that is started for a change writes there, which would be the next change.
  const isOurs = (path: string): boolean =>
    runs !== undefined && isWithin(runs, path) && !bases.some((base) => isWithin(runs, base));
  return {
    cwd,
    bases,
    isWanted: (path) => globs.some((glob) => glob.matches(path)),
    isIgnored: (path) => isOurs(path) || isIgnored(path),
  };
};

const listed = ({ path, change, from }: Change): Change => ({
  path: shownPath(path),
  change,
  ...(from === undefined ? {} : { from: shownPath(from) }),
});

const contentOf = (all: readonly Change[]): Pick<Draft, 'body' | 'data'> => {
  const changes = all.slice(0, MOST_LISTED).map(listed);
  const [first] = changes;
  return {
    body: legible(
      all.length === 1 ? `${first?.path} ${first?.change}` : `${all.length} files changed, ${first?.path} among them`,
    ),
    data: { changes, count: all.length, ...(all.length > MOST_LISTED ? { truncated: true } : {}) },
  };
};

export const fileSource = (options: FileOptions): Source => {
  const type = normaliseType(options.type);
  if (isReserved(type))
    throw new ConductorError('configuration', `watch: the type ${type} is said by the conductor alone`);
  const selection = selectionOf(options);
  const name = `file:${selection.bases[0] ?? '.'}`;
  const source = name.slice(0, 200);
  // Others may watch the same folder, and see the same at the same moment.
  const which = createHash('sha256')
    .update(JSON.stringify([options.paths, options.ignore, type, options.debounce_ms]))
    .digest('hex')
    .slice(0, 8);
  let count = 0;
  const say = (draft: Draft): Observable<Arrival> =>
    insist({ ...draft, source, dedupe_key: `${source}:${which}:${options.clock.now()}:${++count}` }, options.clock);
  return {
    name,
    description: `files: ${options.paths.join(', ')}`,
    open: () =>
      defer(() => {
        const failures = new Subject<string>();
        const failed = (error: string): void => failures.next(error);
        return merge(
          failures.pipe(
            mergeMap((error) => say({ type: 'SOURCE_FAILED', body: `ERROR: ${error}`, data: { source, error } })),
          ),
          batches(options, selection, failed).pipe(
            mergeMap((changes) => (changes.length === 0 ? EMPTY : say({ type, ...contentOf(changes) }))),
          ),
        );
      }),
  };
};
