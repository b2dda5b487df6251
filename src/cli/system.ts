import { randomBytes, randomInt } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asyncScheduler } from 'rxjs';
import { toConductorError } from '../core/errors.js';
import type { Clock, Log, Random } from '../core/ports.js';

export const clock: Clock = { now: () => Date.now(), scheduler: asyncScheduler };
export const random: Random = () => randomInt(2 ** 32) / 2 ** 32;
export const nonce = (): string => randomBytes(8).toString('hex');

/** The folder of the commands: first on the PATH of every run. */
export const binFolder = join(dirname(fileURLToPath(import.meta.url)), 'bin');
/** Where the shipped rules/ and handlers/ are. */
export const packageFolder = resolve(binFolder, '..', '..', '..');

const line = (level: string, message: string, fields?: Record<string, unknown>): void => {
  process.stderr.write(
    `${level === 'info' ? '' : `${level}: `}${message}${fields ? ` ${JSON.stringify(fields)}` : ''}\n`,
  );
};
export const log: Log = {
  info: (message, fields) => line('info', message, fields),
  warn: (message, fields) => line('warning', message, fields),
  error: (message, fields) => line('error', message, fields),
};

/** Says what went wrong on stderr and gives the exit code of the catalogue. */
export const fail = (error: unknown): number => {
  const ours = toConductorError(error);
  process.stderr.write(`ERROR: ${ours.message}\n`);
  if (ours.code === 'internal' && process.env['CONDUCTOR_DEBUG'] && ours.cause instanceof Error)
    process.stderr.write(`${ours.cause.stack}\n`);
  return ours.exit;
};
