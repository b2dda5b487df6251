/// <reference path="./fs-native-extensions.d.ts" />
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import type { SlotRequest, Waiting } from '../core/ports.js';

const DEFAULT_PRIORITY = 5;
/** `<priority>-<since>-<process>-<count>`: the order of the names is the order of the queue. */
const ENTRY = /^(\d)-(\d{13,})-(\w+)-(\d+)$/;

const readOr = (path: string): Partial<Waiting> => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Partial<Waiting>;
  } catch {
    return {};
  }
};

export interface Place {
  name: string;
  key: string;
  /** The process that waits. */
  who: string;
  mine: boolean;
}

/** False when it was not there. */
const unlinkIfThere = (path: string): boolean => {
  try {
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
};

/**
 * Who waits for a slot, one small file each, so that all processes of a root see one queue. The files of a process
 * that died are known by its lock, which died with it.
 */
export const openQueue = (folder: string, now: () => number) => {
  const me = `${process.pid}x${randomBytes(4).toString('hex')}`;
  const lockOf = (who: string): string => join(folder, `.${who}.lock`);
  let lock = -1;
  let count = 0;
  /** How many places are ours. */
  let places = 0;

  const ensure = (): void => {
    if (lock >= 0) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    lock = openSync(lockOf(me), 'a', 0o600);
    tryLock(lock);
  };

  const isAlive = (who: string): boolean => {
    if (who === me) return true;
    let fd: number;
    try {
      fd = openSync(lockOf(who), 'r+');
    } catch {
      return false;
    }
    try {
      return !tryLock(fd);
    } finally {
      closeSync(fd);
    }
  };

  const names = (): string[] => {
    try {
      return readdirSync(folder).sort();
    } catch {
      return [];
    }
  };

  /** In the order of the queue; what a dead process left is cleared away. */
  const entries = (): Place[] => {
    const alive = new Map<string, boolean>();
    const found = [];
    for (const name of names()) {
      const match = ENTRY.exec(name);
      if (!match) continue;
      const who = match[3]!;
      if (!alive.has(who)) alive.set(who, isAlive(who));
      if (alive.get(who)) found.push({ name, key: name.slice(2), who, mine: who === me });
      else rmSync(join(folder, name), { force: true });
    }
    for (const [who, living] of alive) if (!living) rmSync(lockOf(who), { force: true });
    return found;
  };

  const find = (run_id: string): { name: string; key: string } | undefined =>
    entries().find(({ name }) => readOr(join(folder, name)).run_id === run_id);

  const left = (): void => {
    places -= 1;
    if (lock < 0 || places > 0) return;
    rmSync(lockOf(me), { force: true });
    closeSync(lock);
    lock = -1;
  };

  return {
    /** Whether nobody at all waits, told cheaply. */
    isEmpty: (): boolean => !names().some((name) => ENTRY.test(name)),
    entries,
    /** Its key stays when it is moved. */
    enter(request: SlotRequest): Place {
      ensure();
      const since = now();
      const priority = Math.min(Math.max(Math.trunc(request.priority ?? DEFAULT_PRIORITY), 0), 9);
      const key = `${since}-${me}-${++count}`;
      const { run_id, project_id, task_id, agent } = request;
      const text = JSON.stringify({ run_id, project_id, task_id, agent, since, pid: process.pid });
      const part = join(folder, `.${key}`);
      writeFileSync(part, text, { mode: 0o600 });
      const name = `${priority}-${key}`;
      renameSync(part, join(folder, name));
      places += 1;
      return { name, key, who: me, mine: true };
    },
    leave(key: string): void {
      for (const name of names()) if (name.slice(2) === key) rmSync(join(folder, name), { force: true });
      left();
    },
    /** As leave, of a place that has this name; false when it was moved or cancelled. */
    leaveAt(name: string): boolean {
      const there = unlinkIfThere(join(folder, name));
      if (there) left();
      return there;
    },
    waiting: (): Waiting[] =>
      entries().flatMap(({ name }) => {
        const said = readOr(join(folder, name));
        return said.run_id === undefined ? [] : [{ ...said, priority: Number(name[0]) } as Waiting];
      }),
    move: (run_id: string, priority: number): boolean => {
      const place = find(run_id);
      if (!place) return false;
      renameSync(join(folder, place.name), join(folder, `${priority}-${place.key}`));
      return true;
    },
    cancel(run_id: string): boolean {
      const place = find(run_id);
      if (place) rmSync(join(folder, place.name), { force: true });
      return place !== undefined;
    },
  };
};
