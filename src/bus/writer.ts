/**
 * Group commit: whatever is waiting goes out as one write under the lock and one fdatasync after it. A failed fdatasync is
 * never tried again, since the kernel may have dropped the pages: the writer is then of no more use.
 */
import { closeSync, constants, fdatasync, fstatSync, fsync, lstatSync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import type { Clock, Receipt } from '../core/ports.js';
import { prepareDraft } from './draft.js';
import { breath, busPath, readRange, storageError } from './file.js';
import { seal, type Prepared } from './format.js';
import { KnownKeys } from './known.js';
import { openLock } from './lock.js';
import { isAfter, nextMoment, stampOf, type Moment } from './stamp.js';
import { lastMoment } from './last.js';

export interface WriterOptions {
  root: string;
  key: Buffer;
  clock: Pick<Clock, 'now'>;
  /** `os`: a process may die at any time, the machine not. */
  durability?: 'fsync' | 'os';
  onWritten?: () => void;
}

export interface Writer {
  submit(drafts: readonly Draft[], own: boolean): Promise<Receipt[]>;
  /** The size of the bus while nobody writes. */
  end(): Promise<number>;
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

const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
const sync = { data: promisify(fdatasync), all: promisify(fsync) };

export const openWriter = (options: WriterOptions): Writer => {
  const { root, key, clock } = options;
  const path = busPath(root);
  const lock = openLock(root);
  const known = new KnownKeys(key);
  let fd = -1;
  let seen = 0;
  let last: Moment | undefined;
  let seq = 0;
  let folderSynced = false;
  let poisoned: ConductorError | undefined;
  let closed = false;
  let waiting: Call[] = [];
  let running: Promise<void> | undefined;

  /** The file that has the name now: it may have been restored or moved away since. */
  const openBus = (): number => {
    if (fd >= 0) {
      const now = lstatSync(path, { throwIfNoEntry: false });
      if (now?.ino === fstatSync(fd).ino) return fd;
      closeSync(fd);
      fd = -1;
    }
    fd = openSync(path, FLAGS, 0o640);
    seen = 0;
    folderSynced = false;
    known.reset();
    return fd;
  };

  const endOf = (size: number): string =>
    size === 0 ? '\n\n' : readRange(fd, Math.max(0, size - 2), size).toString('latin1');

  /** Under the lock. */
  const write = (calls: readonly Call[]): Receipt[][] => {
    openBus();
    const size = fstatSync(fd).size;
    if (size !== seen) {
      const found = lastMoment(fd, size < seen ? 0 : seen, size);
      if (found && (!last || isAfter(found, last))) last = found;
      seen = size;
    }
    if (hasKeys(calls)) known.catchUp(fd, size);

    // A torn tail stays as it is: an empty line ends it, and readers go on after it.
    const tail = endOf(size);
    const parts: Buffer[] = [Buffer.from(tail === '\n\n' ? '' : tail.endsWith('\n') ? '\n' : '\n\n')];
    const fresh: Parameters<KnownKeys['add']>[0][] = [];
    const given = calls.map(({ prepared, own }) =>
      prepared.map((record): Receipt => {
        const { dedupe_key } = record;
        const first =
          dedupe_key === undefined
            ? undefined
            : (known.find(dedupe_key, own) ??
              fresh.find((one) => one.dedupe_key === dedupe_key && (!own || one.authentic))?.msg_id);
        if (first !== undefined) return { msg_id: first, duplicate: true };
        last = nextMoment(clock.now(), last);
        seq += 1;
        const stamp = stampOf(last, process.pid, seq);
        parts.push(seal(record, stamp, own ? key : undefined));
        if (dedupe_key !== undefined) fresh.push({ dedupe_key, msg_id: stamp.msg_id, sealed: true, authentic: own });
        return { msg_id: stamp.msg_id, duplicate: false };
      }),
    );
    if (parts.length > 1) {
      const bytes = Buffer.concat(parts);
      let done = 0;
      while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done);
      seen = size + bytes.length;
    }
    return given;
  };

  const makeDurable = async (): Promise<void> => {
    if (options.durability === 'os') return;
    try {
      await sync.data(fd);
      if (folderSynced) return;
      const folder = openSync(root, constants.O_RDONLY);
      try {
        await sync.all(folder);
      } finally {
        closeSync(folder);
      }
      folderSynced = true;
    } catch (error) {
      poisoned = storageError(`${path} could not be made durable; nothing more is written before a restart`, error);
      throw poisoned;
    }
  };

  const commit = async (calls: readonly Call[]): Promise<void> => {
    try {
      if (poisoned) throw poisoned;
      if (hasKeys(calls)) {
        // The long way before the lock, the rest under it.
        const bus = openBus();
        while (!known.step(bus, fstatSync(bus).size)) await breath();
      }
      const receipts = await lock.hold(() => write(calls));
      await makeDurable();
      options.onWritten?.();
      calls.forEach((call, index) => {
        call.resolve(receipts[index] ?? []);
      });
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

  return {
    submit: async (drafts, own) => {
      if (closed) throw new ConductorError('stopped', 'the bus is closed');
      const prepared = drafts.map((draft) => prepareDraft(draft, own));
      if (poisoned) throw poisoned;
      if (prepared.length === 0) return [];
      return new Promise<Receipt[]>((resolve, reject) => {
        waiting.push({ prepared, own, resolve, reject });
        running ??= run();
      });
    },
    end: async () => {
      if (closed) throw new ConductorError('stopped', 'the bus is closed');
      return lock.hold(() => lstatSync(path, { throwIfNoEntry: false })?.size ?? 0);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await running;
      await lock.hold(() => undefined).catch(() => undefined);
      lock.close();
      if (fd >= 0) closeSync(fd);
      fd = -1;
    },
  };
};
