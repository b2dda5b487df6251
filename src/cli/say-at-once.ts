import { writeSync } from 'node:fs';

const code = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

/** A short text on standard output. Without the stream, which takes 3 ms to open; where the reader is slow, with it. */
export const sayAtOnce = (text: string): void => {
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
  } catch (error) {
    if (code(error) === 'EAGAIN') process.stdout.write(rest);
    // Whoever read us may leave, as `head` does.
    else if (code(error) !== 'EPIPE') throw error;
  }
};
