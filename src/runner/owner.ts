import { readFileSync } from 'node:fs';
import { inspect, isAlive } from './processes.js';

/** The process that reports a run. */
export interface Owner {
  pid: number;
  start: number | undefined;
}

let self: Owner | undefined;

export const me = (): Owner => (self ??= { pid: process.pid, start: inspect(process.pid)?.start });

/** The owner files of this process's runs: known without a look at the disk. */
export const mine = new Set<string>();

/** The living process that reports the run, as it wrote itself down; undefined when there is none. */
export const ownerOf = (file: string): Owner | undefined => {
  if (mine.has(file)) return me();
  try {
    const { pid, start } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Owner>;
    return pid !== undefined && isAlive(pid, start) ? { pid, start } : undefined;
  } catch {
    return undefined;
  }
};
