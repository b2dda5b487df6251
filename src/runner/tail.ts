import { closeSync, fstatSync, ftruncateSync, openSync, readSync, watch, writeSync, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';

/** The watcher tells of what is new; this is for a change that it misses. */
const POLL_MS = 1_000;
const CHUNK = 64 * 1024;
/** A line without an end is given on at this length. */
const LONGEST_LINE = 4 * 1024 * 1024;

const LONGEST_SECRET = 16 * 1024;

export interface Limits {
  /** How much of one stream is kept for people. What comes after is still heard, and no longer written. */
  kept: number;
  /** So far we may lag behind what is kept no more: the middle is skipped. */
  lag: number;
  /** Above this the raw file is emptied, so that a chatty agent cannot fill the disk. */
  raw: number;
}

const MIB = 1024 * 1024;
export const LIMITS: Limits = { kept: 64 * MIB, lag: 8 * MIB, raw: 128 * MIB };

export interface Tail {
  /** Reads what has come since. One at a time. */
  pull(): Promise<void>;
  /** The last piece, with or without its line end. */
  close(): Promise<void>;
  /** Bytes that the agent wrote, as far as they are known. */
  readonly bytes: number;
}

export interface TailInput {
  raw: string;
  copy: string;
  redact: (text: string) => string;
  onLine: (line: string) => void;
  limits?: Limits;
}

/** One for all: each read is over before the next begins. Memory outside of the heap makes every start of a process slower. */
const buffer = Buffer.allocUnsafeSlow(CHUNK);

const breath = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

const openIfThere = (path: string): number | undefined => {
  try {
    return openSync(path, 'r+');
  } catch {
    return undefined;
  }
};

/**
 * Follows one raw stream line by line: each is redacted, given to `onLine` and written to the file for people. It reads
 * and writes small pieces without leaving the thread, which is quicker than asking another, and lets others in between.
 */
export const openTail = (input: TailInput): Tail => {
  const limits = input.limits ?? LIMITS;
  const copy = openSync(input.copy, 'w', 0o644);
  let source: number | undefined;
  let decoder = new StringDecoder('utf8');
  let position = 0;
  let emptied = 0;
  let written = 0;
  let full = false;
  let rest = '';
  /** After a gap: up to the next line end there is only half a line. */
  let skipping = false;

  const beFull = (): void => {
    if (!full) writeSync(copy, '\n[the rest of this stream was not kept]\n');
    full = true;
  };

  const give = (lines: string[], end: '\n' | ''): void => {
    if (lines.length === 0) return;
    const text = input.redact(lines.join('\n'));
    for (const line of text.split('\n')) input.onLine(line);
    if (full) return;
    const bytes = Buffer.from(text + end);
    written += bytes.length;
    if (written > limits.kept) beFull();
    else for (let done = 0; done < bytes.length;) done += writeSync(copy, bytes, done);
  };

  const take = (text: string): void => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (skipping && lines.length > 0) {
      lines.shift();
      skipping = false;
    }
    if (!skipping) give(lines, '\n');
    if (rest.length > LONGEST_LINE) {
      // A secret may lie across the cut: what is kept back is longer than any.
      const long = input.redact(rest);
      rest = long.slice(-LONGEST_SECRET);
      if (!skipping) give([long.slice(0, -LONGEST_SECRET)], '\n');
    }
  };

  const skipTo = (place: number): void => {
    position = place;
    decoder = new StringDecoder('utf8');
    rest = '';
    skipping = true;
  };

  const readPiece = (raw: number): number => {
    const count = readSync(raw, buffer, 0, CHUNK, position);
    position += count;
    if (count > 0) take(decoder.write(buffer.subarray(0, count)));
    return count;
  };

  /** The last of it counts most: true when there is no more. */
  const readTheLast = (raw: number, size: number): boolean => {
    if (size - position > limits.lag) skipTo(size - limits.lag);
    for (const end = size + limits.lag; position < end;) if (readPiece(raw) === 0) return true;
    return false;
  };

  /** Whoever writes faster than we read must not make us, or the disk, grow with it. */
  const keepUp = (raw: number): void => {
    const { size } = fstatSync(raw);
    if (size < position) position = 0;
    if (full && size - position > limits.lag) skipTo(size - limits.lag);
    if (size <= limits.raw) return;
    if (position < size) {
      beFull();
      // What is there is read before it goes, unless it grows too fast for that.
      if (size <= 2 * limits.raw) return;
    }
    const isRead = readTheLast(raw, size);
    emptied += isRead ? position : fstatSync(raw).size;
    ftruncateSync(raw, 0);
    position = 0;
    if (!isRead) skipTo(0);
  };

  const read = async (): Promise<void> => {
    source ??= openIfThere(input.raw);
    for (;;) {
      if (source === undefined) return;
      keepUp(source);
      const count = readPiece(source);
      if (count === 0) return;
      if (count === CHUNK) await breath();
    }
  };

  let turn: Promise<void> = Promise.resolve();
  const pull = (): Promise<void> => (turn = turn.catch(() => undefined).then(read));
  return {
    pull,
    get bytes() {
      return emptied + position;
    },
    async close() {
      try {
        await pull();
        const last = rest + decoder.end();
        rest = '';
        if (last !== '' && !skipping) give([last], '');
      } finally {
        closeSync(copy);
        if (source !== undefined) closeSync(source);
        source = undefined;
      }
    },
  };
};

/** Pulls whenever the folder changes, and now and then, for a watcher may miss a change. Returns the way to stop. */
export const keepPulling = (
  tails: readonly Tail[],
  raw: string,
  pulled: () => void,
  onError: (error: unknown) => void,
): (() => void) => {
  let busy = false;
  let again = false;
  let stopped = false;
  const pull = (): void => {
    if (stopped) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    Promise.all(tails.map((tail) => tail.pull()))
      .then(pulled)
      .catch(onError)
      .finally(() => {
        busy = false;
        if (again) pull();
      });
  };
  let watcher: FSWatcher | undefined;
  try {
    // Beside the streams it holds the pid, the code and more.
    watcher = watch(dirname(raw), (_event, name) => {
      if (name === null || name === 'stdout' || name === 'stderr') pull();
    });
    // Without a watcher (no inotify left) there is still the poll.
    watcher.on('error', () => watcher?.close());
  } catch {
    watcher = undefined;
  }
  const timer = setInterval(() => {
    pulled();
    pull();
  }, POLL_MS);
  pull();
  return () => {
    stopped = true;
    clearInterval(timer);
    watcher?.close();
  };
};
