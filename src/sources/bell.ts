import { relative, resolve } from 'node:path';
import { watch } from 'chokidar';
import { Observable } from 'rxjs';
import type { Log } from '../core/ports.js';
import { isDoubtful } from './file-name.js';
import { toPosix } from './path-glob.js';
import type { Selection } from './snapshot.js';

/** No watch or no file handle is left in the system. */
const USED_UP: Readonly<Record<string, string>> = {
  ENOSPC: 'the limit of watches is reached (sysctl fs.inotify.max_user_watches)',
  EMFILE: 'the limit of watchers or open files is reached (sysctl fs.inotify.max_user_instances, ulimit -n)',
  ENFILE: 'no more files can be opened on this machine',
};

/**
 * Rings with the path that something may have happened to, and with undefined when that is not known. Where the system
 * has no watches left it says so, gives back those it has, and rings no more: then the rescan alone finds what changed.
 */
export const bell = ({ cwd, bases, isIgnored }: Selection, log: Log): Observable<string | undefined> =>
  new Observable((subscriber) => {
    const pathOf = (path: string): string => toPosix(relative(cwd, resolve(cwd, path)));
    const watcher = watch(
      bases.map((base) => resolve(cwd, base)),
      {
        ignoreInitial: true,
        followSymlinks: false,
        ignored: (path) => {
          const inner = pathOf(path);
          return inner !== '' && isIgnored(inner);
        },
      },
    );
    let isUsedUp = false;
    // A folder that comes or goes brings all that is in it, at once and before the watcher has been through it.
    watcher.on('all', (event, path) =>
      subscriber.next(event.endsWith('Dir') || isDoubtful(path) ? undefined : pathOf(path)),
    );
    watcher.on('ready', () => subscriber.next(undefined));
    watcher.on('error', (error) => {
      const why = USED_UP[(error as NodeJS.ErrnoException).code ?? ''];
      if (why === undefined) {
        // A folder without leave: the rescan goes on where the watcher cannot.
        subscriber.next(undefined);
        return;
      }
      if (isUsedUp) return;
      isUsedUp = true;
      log.warn(`files: ${why}; ${bases.join(', ')} is looked through every few seconds instead`, { cwd });
      void watcher.close();
      subscriber.next(undefined);
    });
    return () => void watcher.close();
  });
