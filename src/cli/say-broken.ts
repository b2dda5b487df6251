import type { ConductorError } from '../core/errors.js';

/** Each file that is broken, on stderr, for those who go on with the others. */
export const sayBroken = (broken: readonly ConductorError[]): void => {
  for (const { message } of broken) process.stderr.write(`ERROR: ${message}\n`);
};
