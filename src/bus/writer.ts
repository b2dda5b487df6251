/**
 * Group commit: whatever is waiting goes out as one write under the lock and one fdatasync after it. A failed fdatasync is
 * never tried again, since the kernel may have dropped the pages: the next append puts everything into a new file first. What
 * was refused may then be on the bus all the same, once.
 */
import { closeSync, constants, fdatasync, fsync, lstatSync, openSync } from 'node:fs';
import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import type { Clock, Receipt } from '../core/ports.js';
import { Batch } from './batch.js';
import { writeBlob } from './blobs.js';
import type { Position } from './cursor.js';
import { prepareDraft } from './draft.js';
import { breath, busPath, storageError } from './file.js';
import { BLOB_ABOVE, type Prepared } from './format.js';
import { ClosedKeys, LiveKeys, type Written } from './known.js';
import { LiveFile, type Rotation } from './live.js';
import { openLock } from './lock.js';
import { closedSegments, numberAfter } from './segments.js';
import { nextMoment, stampOf } from './stamp.js';

/** How long a dedupe key counts, at least. */
export const DEDUPE_MS = 14 * 24 * 3_600_000;
/** How often a batch is begun anew because segments were closed, or the file replaced, under it. */
const ATTEMPTS = 50;

export interface WriterOptions {
  root: string;
  key: Buffer;
  clock: Pick<Clock, 'now'>;
  /** `os`: a process may die at any time, the machine not. */
  durability?: 'fsync' | 'os';
  /** Without it this writer closes the live file only where it may not grow. */
  rotation?: Rotation;
  onWritten?: () => void;
}

export interface Writer {
  submit(drafts: readonly Draft[], own: boolean): Promise<Receipt[]>;
  /** The end of the bus while nobody writes. */
  end(): Promise<Position>;
  close(): Promise<void>;
}

interface Call {
  prepared: readonly Prepared[];
  own: boolean;
  resolve: (receipts: Receipt[]) => void;
  reject: (error: unknown) => void;
}

const hasKeys = (calls: readonly Call[]): boolean =>
  calls.some(({ prepared }) => prepared.some(({ dedupe_key }) => dedupe_key !== undefined));

/** One thread-pool turn and no more: the promises of node:fs take several. */
const synced = (sync: typeof fsync, fd: number): Promise<void> =>
  new Promise((resolve, reject) => {
    sync(fd, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });

export const openWriter = (options: WriterOptions): Writer => {
  const { root, key, clock, rotation } = options;
  const durable = options.durability !== 'os';
  const path = busPath(root);
  const lock = openLock(root);
  const live = new LiveFile(root);
  const batch = new Batch();
  const keys = { live: new LiveKeys(key), closed: new ClosedKeys(root, key) };
  let seq = 0;
  let closed = false;
  let waiting: Call[] = [];
  let running: Promise<void> | undefined;

  const openLive = (): void => {
    if (!live.open()) return;
    keys.live.reset();
    keys.closed.forget();
  };

  /** The long way before the lock, the rest under it. */
  const prepareKeys = async (): Promise<void> => {
    // A suspect file is left for another only under the lock.
    if (!live.suspect) openLive();
    while (!keys.live.step(live.fd, live.size)) await breath();
    if (!keys.closed.isReady) await keys.closed.prepare(clock.now() - DEDUPE_MS);
  };

  /** Under the lock. Undefined: begin again. `stray`: ids of such an attempt, which count as never given. */
  const write = (calls: readonly Call[], keyed: boolean, stray: Set<string>): Receipt[][] | undefined => {
    if (live.suspect) live.renew();
    openLive();
    let size = live.catchUp();
    if (live.isDue(rotation, clock.now())) {
      live.rotate(durable);
      openLive();
      size = live.catchUp();
    }
    if (keyed) {
      if (!keys.closed.isReady) return undefined;
      keys.live.catchUp(live.fd, size);
    }
    const fresh = new Map<string, { msg_id: string; own: boolean }>();
    const find = (dedupe_key: string, own: boolean): string | undefined => {
      const known = keys.live.find(dedupe_key, own) ?? keys.closed.find(dedupe_key, own);
      if (known !== undefined && !stray.has(known)) return known;
      const here = fresh.get(dedupe_key);
      return here && (!own || here.own) ? here.msg_id : undefined;
    };

    batch.begin(live.mend(size));
    let last = live.last;
    const written: Written[] = [];
    const now = clock.now();
    const give = (record: Prepared, own: boolean): Receipt => {
      const { dedupe_key } = record;
      const first = dedupe_key === undefined ? undefined : find(dedupe_key, own);
      if (first !== undefined) return { msg_id: first, duplicate: true };
      last = nextMoment(now, last);
      seq += 1;
      const stamp = stampOf(last, process.pid, seq);
      batch.add(record, stamp, own ? key : undefined);
      written.push({ msg_id: stamp.msg_id, dedupe_key, own, moment: last });
      if (dedupe_key !== undefined && !fresh.get(dedupe_key)?.own) fresh.set(dedupe_key, { msg_id: stamp.msg_id, own });
      return { msg_id: stamp.msg_id, duplicate: false };
    };
    const given = calls.map(({ prepared, own }) => prepared.map((record) => give(record, own)));
    if (written.length === 0 || !last) return given;
    const { bytes } = batch;
    if (!live.write(bytes, size, last)) {
      for (const { msg_id } of written) stray.add(msg_id);
      return undefined;
    }
    if (keyed) keys.live.skip(size, size + bytes.length, written);
    return given;
  };

  const makeDurable = async (): Promise<void> => {
    if (!durable) return;
    try {
      await synced(fdatasync, live.fd);
      if (live.folderSynced) return;
      const folder = openSync(root, constants.O_RDONLY);
      try {
        await synced(fsync, folder);
      } finally {
        closeSync(folder);
      }
      live.folderSynced = true;
    } catch (error) {
      live.suspect = true;
      throw storageError(`${path} could not be made durable, so the message may be on the bus or not`, error);
    }
  };

  const commit = async (calls: readonly Call[]): Promise<void> => {
    try {
      const keyed = hasKeys(calls);
      const stray = new Set<string>();
      let receipts: Receipt[][] | undefined;
      for (let attempt = 0; receipts === undefined; attempt += 1) {
        if (attempt === ATTEMPTS)
          throw new ConductorError('storage', `${path} is replaced again and again while it is written`);
        if (keyed) await prepareKeys();
        receipts = await lock.hold(() => write(calls, keyed, stray));
      }
      await makeDurable();
      options.onWritten?.();
      for (const [index, call] of calls.entries()) call.resolve(receipts[index] ?? []);
    } catch (error) {
      const told = error instanceof ConductorError ? error : storageError(`cannot write ${path}`, error);
      for (const call of calls) call.reject(told);
    }
  };

  const run = async (): Promise<void> => {
    await Promise.resolve();
    while (waiting.length > 0) {
      const calls = waiting;
      waiting = [];
      await commit(calls);
    }
    running = undefined;
  };

  const refuseClosed = (): void => {
    if (closed) throw new ConductorError('stopped', 'the bus is closed');
  };

  const writeBlobs = async (prepared: readonly Prepared[]): Promise<void> => {
    for (const { blob } of prepared) if (blob) await writeBlob(root, blob, durable);
    refuseClosed();
  };

  return {
    submit: (drafts, own) =>
      new Promise<Receipt[]>((resolve, reject) => {
        refuseClosed();
        const prepared = drafts.map((draft) => prepareDraft(draft, own, BLOB_ABOVE));
        if (prepared.length === 0) {
          resolve([]);
          return;
        }
        const enqueue = (): void => {
          waiting.push({ prepared, own, resolve, reject });
          running ??= run();
        };
        if (prepared.some(({ blob }) => blob)) writeBlobs(prepared).then(enqueue).catch(reject);
        else enqueue();
      }),
    end: async () => {
      refuseClosed();
      return lock.hold(() => ({
        segment: numberAfter(closedSegments(root)),
        offset: lstatSync(path, { throwIfNoEntry: false })?.size ?? 0,
      }));
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await running;
      await lock.hold(() => undefined).catch(() => undefined);
      lock.close();
      live.close();
    },
  };
};
