import { watch, type FSWatcher } from 'node:fs';
import { open, truncate, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';

const POLL_MS = 200;
const CHUNK = 64 * 1024;
/** A line without an end is given on at this length. */
const LONGEST_LINE = 4 * 1024 * 1024;
/** How much of one stream is kept for people. What comes after is still heard, and no longer written. */
const KEPT = 64 * 1024 * 1024;
/** Above this the raw file is emptied once it is read, so that a chatty agent cannot fill the disk. */
const RAW_LIMIT = 256 * 1024 * 1024;

export interface Tail {
  /** Reads what has come since. One at a time. */
  pull(): Promise<void>;
  /** The last piece, with or without its line end. */
  close(): Promise<void>;
}

/** Follows one raw stream line by line: each is redacted, given to `onLine` and written to the file for people. */
export const openTail = async (input: {
  raw: string;
  copy: string;
  redact: (text: string) => string;
  onLine: (line: string) => void;
}): Promise<Tail> => {
  const copy: FileHandle = await open(input.copy, 'w', 0o644);
  const decoder = new StringDecoder('utf8');
  const buffer = Buffer.allocUnsafe(CHUNK);
  let position = 0;
  let written = 0;
  let rest = '';

  const give = async (lines: string[], end: '\n' | ''): Promise<void> => {
    if (lines.length === 0) return;
    const clean = lines.map(input.redact);
    for (const line of clean) input.onLine(line);
    if (written > KEPT) return;
    const text = `${clean.join('\n')}${end}`;
    written += Buffer.byteLength(text);
    await copy.appendFile(written > KEPT ? '\n[the rest of this stream was not kept]\n' : text);
  };

  const take = async (text: string): Promise<void> => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    await give(lines, '\n');
    if (rest.length > LONGEST_LINE) {
      const long = rest;
      rest = '';
      await give([long], '\n');
    }
  };

  const read = async (): Promise<void> => {
    const raw = await open(input.raw, 'r').catch(() => undefined);
    if (!raw) return;
    try {
      const { size } = await raw.stat();
      if (size < position) position = 0;
      for (;;) {
        const { bytesRead } = await raw.read(buffer, 0, CHUNK, position);
        if (bytesRead === 0) break;
        position += bytesRead;
        await take(decoder.write(buffer.subarray(0, bytesRead)));
      }
    } finally {
      await raw.close();
    }
    if (position > RAW_LIMIT) {
      await truncate(input.raw, 0);
      position = 0;
    }
  };

  let turn: Promise<void> = Promise.resolve();
  const pull = (): Promise<void> => (turn = turn.then(read));
  return {
    pull,
    async close() {
      try {
        await pull();
        const last = rest + decoder.end();
        rest = '';
        if (last !== '') await give([last], '');
      } finally {
        await copy.close();
      }
    },
  };
};

/** Pulls whenever the folder changes, and now and then, for a watcher may miss a change. Returns the way to stop. */
export const keepPulling = (tails: readonly Tail[], raw: string, onError: (error: unknown) => void): (() => void) => {
  let busy = false;
  let again = false;
  const pull = (): void => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    Promise.all(tails.map((tail) => tail.pull()))
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
  const timer = setInterval(pull, POLL_MS);
  pull();
  return () => {
    clearInterval(timer);
    watcher?.close();
  };
};
