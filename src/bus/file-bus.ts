import { Subject } from 'rxjs';
import type { Draft } from '../core/event.js';
import type { Bus, Clock, Receipt } from '../core/ports.js';
import { readBus } from './reader.js';
import { recover } from './redo.js';
import { Remembered } from './remembered.js';
import { DEFAULTS } from './settings.js';
import { toCursor } from './cursor.js';
import type { Rotation } from './live.js';
import { follow } from './tail.js';
import { openWriter } from './writer.js';

export interface FileBusOptions {
  root: string;
  /** The root's key: our own facts carry its MAC. */
  key: Buffer;
  clock: Clock;
  durability?: 'fsync' | 'os';
  rotation?: Rotation;
  /** File of the thread that builds the index of a segment that was closed; missing: it is built here. */
  indexer?: string;
}

export const openFileBus = async (options: FileBusOptions): Promise<Bus> => {
  const { root, key } = options;
  await recover(root, true);
  const bell = new Subject<void>();
  const remembered = new Remembered();
  let rung = false;

  /** Once for what becomes durable together, and after those who wait for it were told. */
  const ring = (): void => {
    if (rung || !bell.observed) return;
    rung = true;
    setImmediate(() => {
      rung = false;
      bell.next();
    });
  };
  const writer = openWriter({
    ...DEFAULTS,
    ...options,
    onSettled: ring,
    onPlaced: (place) => remembered.placed(place),
  });

  const submit = (drafts: readonly Draft[], own: boolean): Promise<Receipt[]> =>
    writer.submit(drafts, own, bell.observed ? remembered.keep(drafts, own) : remembered.pass);

  return {
    append: (drafts) => submit(drafts, false),
    record: (drafts) => submit(drafts, true),
    follow: (cursor) => follow({ root, key, bell, remembered, isWriting: () => writer.isWriting(), cursor }),
    read: (query) => readBus(root, key, query),
    end: async () => toCursor(await writer.end()),
    close: () => writer.close(),
  };
};
