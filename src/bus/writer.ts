/**
 * Group commit: whatever is waiting goes out as one write under the lock and one fdatasync after it. A failed fdatasync is
 * never tried again, since the kernel may have dropped the pages: the next append puts everything into a new file first. What
 * was refused may then be on the bus all the same, once.
 */
import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import type { Receipt } from '../core/ports.js';
import type { Position } from './cursor.js';
import { prepareDraft } from './draft.js';
import { Durability } from './durability.js';
import { endNow } from './end.js';
import { busPath, storageError } from './file.js';
import { BLOB_ABOVE, type Prepared } from './format.js';
import { openLock } from './lock.js';
import { Pen, replacedError, type PenOptions, type Said } from './pen.js';
import { recover } from './redo.js';
import type { Place } from './remembered.js';

/** What a call takes of the processor, in ms: its answer, the caller's next message, the record. */
const CALL_MS = 0.003;
/** How many times longer they keep the processor than the disk where it is worth two batches. */
const PARTED_ABOVE = 2;
/** How often a batch is begun anew because segments were closed, or the file replaced, under it. */
const ATTEMPTS = 50;

export interface WriterOptions extends PenOptions {
  /** What was given since the last time is written there. */
  onPlaced?: (place: Place | undefined) => void;
  /** `os`: a process may die at any time, the machine not. */
  durability?: 'fsync' | 'os';
  /** Of the machine, since it was started; as the kernel tells it. */
  boot?: string;
  /** What was under way is durable or refused, and those who wait for it are told. */
  onSettled?: () => void;
}

export interface Writer {
  /** `given`: called with the receipts as soon as it is written, before it is durable. */
  submit(drafts: readonly Draft[], own: boolean, given?: (receipts: readonly Receipt[]) => void): Promise<Receipt[]>;
  /** Something is under way. */
  isWriting(): boolean;
  /** The end of the bus while nobody writes. */
  end(): Promise<Position>;
  close(): Promise<void>;
}

interface Written {
  receipts: Receipt[][];
  /** Resolves when the bytes are durable. */
  made: Promise<void> | undefined;
}

interface Attempt {
  receipts: Receipt[][] | undefined;
  made: Promise<void> | undefined;
}

const isWritten = (attempt: Attempt | undefined): attempt is Written => attempt?.receipts !== undefined;

interface Call extends Said {
  /** Some of it has a dedupe key. */
  keyed: boolean;
  given: ((receipts: readonly Receipt[]) => void) | undefined;
  resolve: (receipts: Receipt[]) => void;
  reject: (error: unknown) => void;
}

const isKeyed = ({ keyed }: Call): boolean => keyed;

export const openWriter = (options: WriterOptions): Writer => {
  const { root } = options;
  const durable = options.durability !== 'os';
  const path = busPath(root);
  const lock = openLock(root);
  const pen = new Pen(options, lock);
  const durability = new Durability({ root, live: pen.live, boot: options.boot });
  let recovering: Promise<unknown> | undefined;
  let closed = false;
  let waiting: Call[] = [];
  let running: Promise<void> | undefined;
  /** Batches that are written and not yet durable: two at most. */
  let flying = 0;
  let last: Promise<void> = Promise.resolve();
  /** How long the disk takes for a batch, in ms. */
  let diskMs = Infinity;

  const sync = (): Promise<void> | undefined => {
    if (!durable) return undefined;
    const made = durability.make(pen.stretch);
    const started = performance.now();
    // One that finds another under way waits for both.
    const share = flying + 1;
    made.then(
      () => {
        diskMs = (performance.now() - started) / share;
      },
      () => {
        pen.live.mistrust();
      },
    );
    return made;
  };

  /** Undefined receipts: begin again, once nothing is on its way to the disk any more. */
  const finish = (receipts: Receipt[][] | undefined): Attempt => {
    const made = sync();
    return { receipts: receipts && pen.isKept(receipts) ? receipts : undefined, made };
  };

  /** At once, where nothing has to be waited for. */
  const attemptNow = (calls: readonly Call[], keyed: boolean): Attempt | undefined => {
    const held = lock.holdNow(() => pen.write(calls, { keyed, isPrepared: false, durable, mayReopen: flying === 0 }));
    return held && finish(held.value);
  };

  const attempt = async (calls: readonly Call[], keyed: boolean): Promise<Attempt> => {
    const mayReopen = flying === 0;
    if (keyed) await pen.prepareKeys(mayReopen);
    const task = (): Receipt[][] | undefined => pen.write(calls, { keyed, isPrepared: true, durable, mayReopen });
    const held = lock.holdNow(task);
    return finish(held ? held.value : await lock.hold(task));
  };

  const tell = (calls: readonly Call[], error: unknown): void => {
    const told = error instanceof ConductorError ? error : storageError(`cannot write ${path}`, error);
    for (const call of calls) call.reject(told);
    options.onSettled?.();
  };

  /**
   * Acknowledged in the order of the file: the duplicate of a message that is on its way counts no sooner than the message,
   * and an error that the kernel told to one fdatasync is an error of every other that was under way.
   */
  const land = async (calls: readonly Call[], { receipts, made }: Written, before: Promise<void>): Promise<void> => {
    try {
      await made;
      await before;
      if (pen.live.suspect) throw new Error('another fdatasync of the same file failed');
      for (let index = 0; index < calls.length; index += 1) calls[index]?.resolve(receipts[index] ?? []);
      options.onSettled?.();
    } catch (error) {
      tell(calls, storageError(`${path} could not be made durable, so the message may be on the bus or not`, error));
    } finally {
      flying -= 1;
    }
  };

  const attempts = async (calls: readonly Call[], keyed: boolean, first: Attempt | undefined): Promise<Written> => {
    let tried = first;
    for (let count = 0; count < ATTEMPTS; count += 1) {
      tried ??= await attempt(calls, keyed);
      if (isWritten(tried)) return tried;
      await Promise.allSettled([tried.made, last]);
      tried = undefined;
    }
    throw replacedError(path);
  };

  /** Resolves when it is written; `last` does when it is acknowledged. */
  const commit = async (calls: readonly Call[]): Promise<void> => {
    try {
      const keyed = calls.some(isKeyed);
      const first = keyed && !pen.isAlone ? undefined : attemptNow(calls, keyed);
      const written = isWritten(first) ? first : await attempts(calls, keyed, first);
      flying += 1;
      for (const [index, call] of calls.entries()) call.given?.(written.receipts[index] ?? []);
      options.onPlaced?.(pen.place);
      last = land(calls, written, last);
    } catch (error) {
      tell(calls, error);
    }
  };

  /** Half of them where they keep the processor longer than the disk, so that one half is written while the other is made durable. */
  const take = (): Call[] => {
    const parted = flying === 0 && waiting.length * CALL_MS > PARTED_ABOVE * diskMs;
    const calls = waiting;
    waiting = calls.splice(parted ? waiting.length >> 1 : waiting.length);
    return calls;
  };

  /** What a power cut took comes back before anything is written. */
  const recovered = async (): Promise<void> => {
    try {
      await (recovering ??= recover(root, false, options.boot));
    } catch (error) {
      recovering = undefined;
      tell(waiting.splice(0), error);
    }
  };

  const run = async (): Promise<void> => {
    await (recovering === undefined ? recovered() : recovering);
    while (waiting.length > 0) {
      const before = last;
      await commit(take());
      if (flying > 1) await before;
    }
    running = undefined;
  };

  const refuseClosed = (): void => {
    if (closed) throw new ConductorError('stopped', 'the bus is closed');
  };

  const enqueue = (call: Call): void => {
    if (call.prepared.length === 0) {
      call.resolve([]);
      return;
    }
    waiting.push(call);
    running ??= run();
  };

  const writeBlobs = async (call: Call): Promise<void> => {
    const { openBlobs } = await import('./blobs.js');
    const blobs = openBlobs(root, durable);
    for (const { blob } of call.prepared) if (blob) await blobs.put(blob.bytes);
    refuseClosed();
    enqueue(call);
  };

  return {
    submit: (drafts, own, given) =>
      new Promise<Receipt[]>((resolve, reject) => {
        refuseClosed();
        const prepared: Prepared[] = new Array<Prepared>(drafts.length);
        let keyed = false;
        let hasBlob = false;
        for (let index = 0; index < drafts.length; index += 1) {
          const record = prepareDraft(drafts[index]!, own, BLOB_ABOVE);
          if (record.dedupe_key !== undefined) keyed = true;
          if (record.blob !== undefined) hasBlob = true;
          prepared[index] = record;
        }
        const call = { prepared, own, keyed, given, resolve, reject };
        if (hasBlob) writeBlobs(call).catch(reject);
        else enqueue(call);
      }),
    isWriting: () => running !== undefined || flying > 0,
    end: async () => {
      refuseClosed();
      return lock.hold(() => endNow(root));
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await running;
      await last;
      await lock.hold(() => undefined).catch(() => undefined);
      await durability.close();
      lock.close();
      await pen.close();
    },
  };
};
