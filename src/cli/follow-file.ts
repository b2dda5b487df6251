import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS = 100;
const CHUNK = 64 * 1024;

/** Writes the file to standard output from `from` on; as long as `more` says so, what is added too. */
export const copyOut = async (path: string, from: number, more: () => Promise<boolean>): Promise<void> => {
  let at = from;
  const buffer = Buffer.alloc(CHUNK);
  for (;;) {
    // Asked before the last look, so that nothing written before the end is missed.
    const goesOn = await more();
    const handle = await open(path, 'r').catch(() => undefined);
    if (handle) {
      try {
        for (;;) {
          const { bytesRead } = await handle.read(buffer, 0, CHUNK, at);
          if (bytesRead === 0) break;
          at += bytesRead;
          if (!process.stdout.writable) return;
          await new Promise<void>((resolve) => {
            process.stdout.write(Buffer.from(buffer.subarray(0, bytesRead)), () => resolve());
          });
        }
      } finally {
        await handle.close();
      }
    }
    if (!goesOn || !process.stdout.writable) return;
    await delay(LOOK_MS);
  }
};

/** Where the last `count` lines of the text begin, in bytes. */
export const tailStart = async (path: string, count: number): Promise<number> => {
  const handle = await open(path, 'r').catch(() => undefined);
  if (!handle) return 0;
  try {
    const { size } = await handle.stat();
    let position = size;
    let lines = 0;
    const buffer = Buffer.alloc(CHUNK);
    while (position > 0) {
      const start = Math.max(0, position - CHUNK);
      await handle.read(buffer, 0, position - start, start);
      for (let index = position - start - 1; index >= 0; index--) {
        // The newline at the very end closes a line and begins none.
        if (buffer[index] !== 10 || start + index === size - 1) continue;
        if (++lines === count) return start + index + 1;
      }
      position = start;
    }
    return 0;
  } finally {
    await handle.close();
  }
};
