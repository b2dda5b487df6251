import { randomBytes, randomInt } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import type { Clock, Log, Random } from '../core/ports.js';

export const clock: Clock = { now: () => Date.now(), scheduler: asyncScheduler };
export const random: Random = () => randomInt(2 ** 32) / 2 ** 32;
export const nonce = (): string => randomBytes(8).toString('hex');

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
