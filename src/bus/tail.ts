/** Everything after a cursor, then live. Woken by the bell of our own writer, by the folder, and by a slow poll. */
import { closeSync, fstatSync, mkdirSync, watch, type FSWatcher } from 'node:fs';
import { Observable, type Subject } from 'rxjs';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Batch, Cursor } from '../core/ports.js';
import { BUS_FILE, CHUNK, busPath, readRange } from './file.js';
import { lastMoment } from './last.js';
import { openToRead } from './reader.js';
import { Scanner } from './scanner.js';

const POLL_MS = 500;
/** After so many quiet polls a foreign record at the end is taken as whole. */
const QUIET_POLLS = 4;

export const toCursor = (offset: number): Cursor => `1:${offset}`;

export const fromCursor = (cursor: Cursor | undefined): number => {
  if (cursor === undefined) return 0;
  const match = /^1:(\d{1,15})$/.exec(cursor);
  if (!match) throw new ConductorError('bad_request', `"${cursor}" is no cursor of this bus`);
  return Number(match[1]);
};

export const follow = (options: {
  root: string;
  key: Buffer;
  bell: Subject<void>;
  cursor?: Cursor | undefined;
}): Observable<Batch> =>
  new Observable<Batch>((subscriber) => {
    const { root, key, bell } = options;
    const file = busPath(root);
    let fd: number | undefined;
    let watcher: FSWatcher | undefined;
    let busy = false;
    let again = false;
    let quiet = 0;
    let begun = false;
    let scanner: Scanner;
    try {
      scanner = new Scanner(key, fromCursor(options.cursor));
    } catch (error) {
      subscriber.error(error);
      return;
    }

    const emit = (chunk: Buffer, last: boolean): void => {
      const items = scanner.push(chunk, last);
      if (items.length === 0) return;
      subscriber.next({
        events: items.flatMap((item) => (item.kind === 'event' ? [item.event] : [])),
        cursor: toCursor(scanner.position),
        damaged: items.flatMap(({ kind, from, to, ...rest }) =>
          kind === 'damaged' ? [{ file, from, to, reason: (rest as { reason: string }).reason }] : [],
        ),
      });
    };

    const readOn = async (): Promise<void> => {
      fd ??= await openToRead(root);
      if (fd === undefined) {
        if (scanner.next > 0)
          throw new ConductorError('storage', `${file} is gone, but was read up to byte ${scanner.next}`);
        return;
      }
      if (!begun) {
        const start = scanner.next;
        if (start > 0) scanner = new Scanner(key, start, lastMoment(fd, 0, Math.min(start, fstatSync(fd).size), key));
        begun = true;
      }
      for (;;) {
        if (subscriber.closed) return;
        const { size } = fstatSync(fd);
        if (size < scanner.next)
          throw new ConductorError(
            'storage',
            `${file} has ${size} bytes, but was read up to byte ${scanner.next}: it was cut or replaced`,
          );
        const chunk = readRange(fd, scanner.next, Math.min(size, scanner.next + CHUNK));
        if (chunk.length === 0) break;
        quiet = 0;
        emit(chunk, false);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      if (quiet === QUIET_POLLS && !subscriber.closed) emit(Buffer.alloc(0), true);
    };

    const close = (): void => {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
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
        if (subscriber.closed) close();
      }
    };

    const listen = (): void => {
      try {
        mkdirSync(root, { recursive: true });
        watcher = watch(root, (_event, name) => {
          if (name === null || name === BUS_FILE) void pump();
        });
        watcher.on('error', () => watcher?.close());
      } catch {
        // No watches left on this machine: the poll finds everything, only later.
      }
    };

    listen();
    const rings = bell.subscribe({ next: () => void pump(), error: (error: unknown) => subscriber.error(error) });
    const poll = setInterval(() => {
      quiet += 1;
      void pump();
    }, POLL_MS);
    void pump();

    subscriber.add(() => {
      clearInterval(poll);
      rings.unsubscribe();
      watcher?.close();
      if (!busy) close();
    });
  });
