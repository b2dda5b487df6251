import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConductorError } from '../core/errors.js';
import type { Clock, Slot, SlotRequest, Slots } from '../core/ports.js';
import { layout } from './layout.js';
import { openQueue } from './queue.js';
import { openSlotLocks, type Held } from './slot-locks.js';

interface Waiter {
  request: SlotRequest;
  grant: (slot: Slot) => void;
  refuse: (error: unknown) => void;
}

/** How often those who wait look for a slot that another process gave back. Ours are handed over at once. */
const PATIENCE_MS = 50;
/** A first in the queue that lets a free slot lie for so long, as one that was suspended, is passed over. */
const PASSED_OVER_MS = 2_000;

const left = (): ConductorError => new ConductorError('stopped', 'no longer waiting for a slot');

/**
 * `count` locks shared by every process of the root, handed out in the order of one queue. A lock belongs to an open
 * file that the run inherits, so it is held as long as the agent lives, whatever becomes of us. A run lends its slot
 * to one child at a time: so at most `count` runs without a living child are at work, and no tree can wait for itself.
 */
export const openSlots = (rootPath: string, count: number, clock: Pick<Clock, 'now'>): Slots => {
  const paths = layout(resolve(rootPath));
  const queue = openQueue(paths.queueFolder, () => clock.now());
  const locks = openSlotLocks(paths.slotsFolder);
  const waiters = new Map<string, Waiter>();
  let timer: NodeJS.Timeout | undefined;
  let soon: NodeJS.Immediate | undefined;
  /** The process of the first of the queue while it lets a free slot lie, and since when. */
  let idle: { who: string; since: number } | undefined;

  const slotOf = (first: Held): Slot => {
    let held: Held | undefined = first;
    return {
      fd: first.fd,
      share: () => locks.share(first),
      release: () => {
        if (held) {
          locks.drop(held);
          held = undefined;
          pumpSoon();
        }
        return Promise.resolve();
      },
    };
  };

  const borrow = (request: SlotRequest): Held | undefined => {
    const parent = request.parent_run_id;
    if (parent === undefined || !/^[\w.-]+$/.test(parent) || !existsSync(paths.raw(parent))) return undefined;
    return locks.take(locks.loanOf(parent));
  };

  const take = (): Held | undefined => {
    for (let number = 0; number < count; number += 1) {
      const held = locks.take(number);
      if (held !== undefined) return held;
    }
    return undefined;
  };

  /** Whether the first, who belongs to another process, must be waited for. */
  const isFirstAsleep = (who: string): boolean => {
    const held = take();
    if (held === undefined) {
      idle = undefined;
      return false;
    }
    locks.drop(held);
    const now = performance.now();
    if (idle?.who !== who) idle = { who, since: now };
    return now - idle.since > PASSED_OVER_MS;
  };

  const settle = (key: string, outcome: (waiter: Waiter) => void, name?: string): void => {
    const waiter = waiters.get(key);
    if (!waiter) return;
    waiters.delete(key);
    queue.leave(key, name);
    outcome(waiter);
  };

  const serve = (): void => {
    const places = queue.entries();
    const there = new Set(places.map(({ key }) => key));
    // Its place was taken away: somebody cancelled it.
    for (const key of waiters.keys()) if (!there.has(key)) settle(key, ({ refuse }) => refuse(left()));
    let blocked = false;
    for (const { name, key, who, mine } of places) {
      const waiter = waiters.get(key);
      if (waiter === undefined) {
        if (!mine && !blocked) blocked = !isFirstAsleep(who);
        continue;
      }
      // A child of a living parent passes those who wait for a slot of their own: it needs none.
      const held = borrow(waiter.request) ?? (blocked ? undefined : take());
      if (held === undefined) blocked = true;
      else settle(key, ({ grant }) => grant(slotOf(held)), name);
    }
  };

  const pump = (): void => {
    if (waiters.size === 0) return;
    clearTimeout(timer);
    try {
      serve();
    } catch (error) {
      for (const key of [...waiters.keys()]) settle(key, ({ refuse }) => refuse(error));
    }
    if (waiters.size > 0) timer = setTimeout(pump, PATIENCE_MS);
  };

  /** Once for all that comes and goes in one turn: each look costs what the whole queue is long. */
  const pumpSoon = (): void => {
    soon ??= setImmediate(() => {
      soon = undefined;
      pump();
    });
  };

  return {
    async acquire(request, signal) {
      if (signal?.aborted) throw left();
      const at_once = borrow(request) ?? (waiters.size === 0 && queue.isEmpty() ? take() : undefined);
      if (at_once !== undefined) return slotOf(at_once);
      const key = queue.enter(request);
      return new Promise<Slot>((grant, refuse) => {
        waiters.set(key, { request, grant, refuse });
        signal?.addEventListener('abort', () => settle(key, (waiter) => waiter.refuse(left())), { once: true });
        pumpSoon();
      });
    },
    seat: locks.seat,
    waiting: queue.waiting,
    move: queue.move,
    cancel: (run_id) => {
      const there = queue.cancel(run_id);
      pumpSoon();
      return there;
    },
  };
};
