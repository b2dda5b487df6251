import { watch, type FSWatcher } from 'node:fs';
import { open, truncate, type FileHandle } from 'node:fs/promises';
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

/** Follows one raw stream line by line: each is redacted, given to `onLine` and written to the file for people. */
export const openTail = async (input: TailInput): Promise<Tail> => {
  const limits = input.limits ?? LIMITS;
  const copy: FileHandle = await open(input.copy, 'w', 0o644);
  let decoder = new StringDecoder('utf8');
  const buffer = Buffer.allocUnsafe(CHUNK);
  let position = 0;
  let emptied = 0;
  let written = 0;
  let full = false;
  let rest = '';
  /** After a gap: up to the next line end there is only half a line. */
  let skipping = false;

  const beFull = async (): Promise<void> => {
    if (full) return;
    full = true;
    await copy.appendFile('\n[the rest of this stream was not kept]\n');
  };

  const give = async (lines: string[], end: '\n' | ''): Promise<void> => {
    if (lines.length === 0) return;
    const text = input.redact(lines.join('\n'));
    for (const line of text.split('\n')) input.onLine(line);
    if (full) return;
    written += Buffer.byteLength(text) + end.length;
    if (written > limits.kept) await beFull();
    else await copy.appendFile(text + end);
  };

  const take = async (text: string): Promise<void> => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (skipping && lines.length > 0) {
      lines.shift();
      skipping = false;
    }
    if (!skipping) await give(lines, '\n');
    if (rest.length > LONGEST_LINE) {
      // A secret may lie across the cut: what is kept back is longer than any.
      const long = input.redact(rest);
      rest = long.slice(-LONGEST_SECRET);
      if (!skipping) await give([long.slice(0, -LONGEST_SECRET)], '\n');
    }
  };

  const skipTo = (place: number): void => {
    position = place;
    decoder = new StringDecoder('utf8');
    rest = '';
    skipping = true;
  };

  const read = async (): Promise<void> => {
    const raw = await open(input.raw, 'r').catch(() => undefined);
    if (!raw) return;
    try {
      for (;;) {
        const { size } = await raw.stat();
        if (size < position) position = 0;
        // Whoever writes faster than we read must not make us, or the disk, grow with it.
        if (full && size - position > limits.lag) skipTo(size - limits.lag);
        if (size > limits.raw) {
          const unread = position < size;
          if (unread) await beFull();
          emptied += size;
          await truncate(input.raw, 0);
          position = 0;
          if (unread) skipTo(0);
          continue;
        }
        const { bytesRead } = await raw.read(buffer, 0, CHUNK, position);
        if (bytesRead === 0) break;
        position += bytesRead;
        await take(decoder.write(buffer.subarray(0, bytesRead)));
      }
    } finally {
      await raw.close();
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
        if (last !== '' && !skipping) await give([last], '');
      } finally {
        await copy.close();
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
    watcher = watch(dirname(raw), pull);
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
