import type { Clock, Ids } from '../core/ports.js';

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

const day = (at: Date): string =>
  `${digits(at.getUTCFullYear(), 4)}${digits(at.getUTCMonth() + 1, 2)}${digits(at.getUTCDate(), 2)}`;

const time = (at: Date): string =>
  `${digits(at.getUTCHours(), 2)}${digits(at.getUTCMinutes(), 2)}${digits(at.getUTCSeconds(), 2)}`;

/**
 * UTC, so that ids sort by age wherever they were made. Milliseconds and a tenth digit fill `ffff`; the pid and a
 * count that never goes back within a process make the id unique on the machine.
 */
export const createIds = (clock: Pick<Clock, 'now'>, pid: number = process.pid): Ids => {
  let count = 0;
  return {
    runId() {
      const at = new Date(clock.now());
      return `${day(at)}-${time(at)}${digits(at.getUTCMilliseconds() * 10, 4)}-${pid}-${++count}`;
    },
    // Only one number may follow the time, so the pid and the count share it.
    taskId: (prefix) => {
      const at = new Date(clock.now());
      return `${prefix}-${day(at)}-${time(at)}-${pid}${digits(++count, 4)}`;
    },
  };
};
