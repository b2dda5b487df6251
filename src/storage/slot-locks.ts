/// <reference path="./fs-native-extensions.d.ts" />
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import type { LockPlace } from '../core/ports.js';

/** Where only whole files can be locked each lock is a file of its own, and cannot be handed on. */
const RANGES = process.platform !== 'darwin';
/** The locks of loans lie behind all that are numbered. */
const LOANS = 2 ** 32;

/** A lock that this process holds. */
export interface Held {
  number: number;
  fd: number;
}

/**
 * Numbered locks, each held by an open file: by whoever has it open, also by inheritance, until the last one closed it.
 * They are single bytes of one file, so that any open file of it can come to hold any of them.
 */
export const openSlotLocks = (folder: string) => {
  const pathOf = (number: number): string => join(folder, RANGES ? 'locks' : String(number));
  const placeOf = (number: number): LockPlace => (RANGES ? [number, 1] : [0, 0]);
  /** Held by us: no need to ask the kernel. */
  const ours = new Set<number>();
  let spare: number | undefined;
  let ready = false;

  const open = (number: number): number => {
    if (!ready) mkdirSync(folder, { recursive: true, mode: 0o700 });
    ready = true;
    return openSync(pathOf(number), 'a+', 0o600);
  };

  return {
    /** The number of the one lock on what the run lends. */
    loanOf: (run_id: string): number => LOANS + createHash('sha256').update(run_id).digest().readUIntBE(0, 6),

    take(number: number): Held | undefined {
      if (ours.has(number)) return undefined;
      const fd = RANGES ? (spare ??= open(number)) : open(number);
      const taken = tryLock(fd, ...placeOf(number));
      if (taken) {
        if (RANGES) spare = undefined;
        ours.add(number);
        return { number, fd };
      }
      if (!RANGES) closeSync(fd);
      return undefined;
    },

    /** Only closed, not unlocked: a living process that inherited the file keeps the lock. */
    drop({ number, fd }: Held): void {
      ours.delete(number);
      closeSync(fd);
      if (!RANGES && number >= LOANS) rmSync(pathOf(number), { force: true });
    },

    /** A file that, opened anew, can come to hold a lock; undefined where that cannot be. */
    seat: (): string | undefined => {
      if (!RANGES) return undefined;
      spare ??= open(0);
      return pathOf(0);
    },

    /** Others may hold it beside us from now on. It is free at no moment, and refused to everybody who wants it alone. */
    share({ number, fd }: Held): LockPlace {
      const place = placeOf(number);
      if (!tryLock(fd, ...place, { shared: true })) throw new Error(`the lock ${number} was lost`);
      return place;
    },
  };
};
