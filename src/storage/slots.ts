/// <reference path="./fs-native-extensions.d.ts" />
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';
import { ConductorError } from '../core/errors.js';
import type { Slots } from '../core/ports.js';
import { layout } from './layout.js';

type Slot = Awaited<ReturnType<Slots['acquire']>>;

/** How often a waiter looks for a slot that another process gave back. Ours are handed over at once. */
const PATIENCE_MS = 50;

/**
 * `count` locks shared by every process of the root. A lock belongs to an open file that the run inherits, so it is
 * held as long as the agent lives, whatever becomes of us.
 *
 * Waiters of one process are served in order; only the first of them polls, so that processes compete as equals.
 */
export const openSlots = (rootPath: string, count: number): Slots => {
  const paths = layout(resolve(rootPath));
  let turn: Promise<unknown> = Promise.resolve();
  let wake = new AbortController();

  const attempt = (): Slot | undefined => {
    mkdirSync(paths.slotsFolder, { recursive: true, mode: 0o700 });
    for (let number = 0; number < count; number += 1) {
      const fd = openSync(paths.slot(number), 'a', 0o600);
      try {
        if (!tryLock(fd)) {
          closeSync(fd);
          continue;
        }
      } catch (error) {
        closeSync(fd);
        throw error;
      }
      let held = true;
      const release = async (): Promise<void> => {
        if (!held) return;
        held = false;
        // Only closed, not unlocked: a living agent that inherited the file keeps its slot.
        closeSync(fd);
        wake.abort();
        wake = new AbortController();
      };
      return { fd, release };
    }
    return undefined;
  };

  const waitForOne = async (signal?: AbortSignal): Promise<Slot> => {
    for (;;) {
      if (signal?.aborted) throw new ConductorError('stopped', 'no longer waiting for a slot');
      const slot = attempt();
      if (slot) return slot;
      const either = signal ? AbortSignal.any([signal, wake.signal]) : wake.signal;
      await delay(PATIENCE_MS, undefined, { signal: either }).catch(() => undefined);
    }
  };

  return {
    acquire(signal) {
      const mine = turn.then(() => waitForOne(signal));
      turn = mine.catch(() => undefined);
      if (!signal) return mine;
      // Giving up must not wait for those in front; a slot that comes too late goes back.
      return new Promise((fulfil, reject) => {
        const leave = (): void => reject(new ConductorError('stopped', 'no longer waiting for a slot'));
        if (signal.aborted) leave();
        signal.addEventListener('abort', leave, { once: true });
        mine.then((slot) => {
          signal.removeEventListener('abort', leave);
          if (signal.aborted) void slot.release();
          else fulfil(slot);
        }, reject);
      });
    },
  };
};
