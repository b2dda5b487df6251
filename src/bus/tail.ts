/** Everything after a cursor, then live. Woken by the bell of our own writer, by the folder, and by a slow poll. */
import { mkdirSync, watch, type FSWatcher } from 'node:fs';
import { Observable, type Subject } from 'rxjs';
import { toConductorError } from '../core/errors.js';
import type { Batch, Cursor } from '../core/ports.js';
import { withBlobs } from './blobs.js';
import { toCursor } from './cursor.js';
import { BUS_FILE, breath } from './file.js';
import { Follower } from './follower.js';
import type { Remembered } from './remembered.js';

const POLL_MS = 500;
/** After so many quiet polls a foreign record at the end is taken as whole. */
const QUIET_POLLS = 4;

export const follow = (options: {
  root: string;
  key: Buffer;
  /** Rings when something was written; without it, folder and poll alone wake. */
  bell?: Subject<void>;
  /** What our own writer appended. */
  remembered?: Remembered;
  /** Our own writer is at work, and rings when it is through. */
  isWriting?: () => boolean;
  cursor?: Cursor | undefined;
}): Observable<Batch> =>
  new Observable<Batch>((subscriber) => {
    const { root, key, bell, remembered, isWriting } = options;
    let watcher: FSWatcher | undefined;
    let busy = false;
    let again = false;
    let quiet = 0;
    let follower: Follower;
    try {
      follower = new Follower(root, key, options.cursor, remembered);
    } catch (error) {
      subscriber.error(error);
      return;
    }

    const readOn = async (): Promise<void> => {
      for (;;) {
        const stretch = follower.next(quiet === QUIET_POLLS);
        if (!stretch) return;
        quiet = 0;
        const { events, damaged, position } = stretch;
        const whole = withBlobs(root, events);
        const batch = { events: whole ? await whole : events, damaged, cursor: toCursor(position) };
        if (subscriber.closed) return;
        subscriber.next(batch);
        await breath();
        if (subscriber.closed) return;
      }
    };

    const pump = async (): Promise<void> => {
      again = true;
      if (busy) return;
      busy = true;
      try {
        while (again && !subscriber.closed) {
          again = false;
          await readOn();
        }
      } catch (error) {
        subscriber.error(toConductorError(error));
      } finally {
        busy = false;
        if (subscriber.closed) follower.close();
      }
    };

    const listen = (): void => {
      try {
        mkdirSync(root, { recursive: true });
        watcher = watch(root, (_event, name) => {
          if ((name === null || name === BUS_FILE) && !isWriting?.()) void pump();
        });
        watcher.on('error', () => watcher?.close());
      } catch {
        // No watches left on this machine: the poll finds everything, only later.
      }
    };

    listen();
    const rings = bell?.subscribe({ next: () => void pump(), error: (error: unknown) => subscriber.error(error) });
    const poll = setInterval(() => {
      quiet += 1;
      void pump();
    }, POLL_MS);
    void pump();

    subscriber.add(() => {
      clearInterval(poll);
      rings?.unsubscribe();
      watcher?.close();
      if (!busy) follower.close();
    });
  });
