import { closeSync, fdatasync, openSync, writeSync } from 'node:fs';

interface Call {
  bytes: Buffer;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * The least that makes the bytes of many callers durable: what waits goes out as one write and one fdatasync, then each is
 * answered. No lock, no ids, no encoding, nobody else who writes.
 */
export const openBareLog = (path: string): { append: (bytes: Buffer) => Promise<void>; close: () => void } => {
  const fd = openSync(path, 'a');
  let waiting: Call[] = [];
  let busy = false;

  const flush = (): void => {
    const calls = waiting;
    waiting = [];
    writeSync(fd, calls.length === 1 ? calls[0]!.bytes : Buffer.concat(calls.map(({ bytes }) => bytes)));
    fdatasync(fd, (error) => {
      busy = false;
      for (const { resolve, reject } of calls) {
        if (error) reject(error);
        else resolve();
      }
      if (waiting.length > 0) begin();
    });
  };

  const begin = (): void => {
    if (busy) return;
    busy = true;
    queueMicrotask(flush);
  };

  return {
    append: (bytes) =>
      new Promise((resolve, reject) => {
        waiting.push({ bytes, resolve, reject });
        begin();
      }),
    close: () => {
      closeSync(fd);
    },
  };
};
