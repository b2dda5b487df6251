import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConductorError } from '../core/errors.js';
import type { Clock, Slot, SlotRequest, Slots } from '../core/ports.js';
import { layout } from './layout.js';
import { openQueue, type Place } from './queue.js';
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
  /** What the last look at the queue found. */
  let seen: { places: readonly Place[]; at: number } | undefined;
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

  const refuse = (key: string, error: unknown): void => {
    const waiter = waiters.get(key);
    if (!waiter) return;
    waiters.delete(key);
    queue.leave(key);
    waiter.refuse(error);
  };

  /** The queue. While it is ours to go on, others are looked for no oftener than they look for us: a look costs what it is long. */
  const look = (): readonly Place[] => {
    const now = performance.now();
    if (seen?.places[0]?.mine === true && now - seen.at < PATIENCE_MS) return seen.places;
    const places = queue.entries();
    seen = { places, at: now };
    const there = new Set(places.map(({ key }) => key));
    // Its place was taken away: somebody cancelled it.
    for (const key of waiters.keys()) if (!there.has(key)) refuse(key, left());
    return places;
  };

  /** False when the place was moved or cancelled since the last look. */
  const grant = ({ key, name }: Place, waiter: Waiter, held: Held): boolean => {
    if (!queue.leaveAt(name)) {
      locks.drop(held);
      return false;
    }
    waiters.delete(key);
    waiter.grant(slotOf(held));
    return true;
  };

  const serve = (): void => {
    const places = look();
    const borrowers = [...waiters.values()].some(({ request }) => request.parent_run_id !== undefined);
    const rest: Place[] = [];
    let blocked = false;
    for (const [at, place] of places.entries()) {
      if (blocked && !borrowers) {
        rest.push(...places.slice(at));
        break;
      }
      const waiter = waiters.get(place.key);
      if (waiter === undefined) {
        if (place.mine) continue;
        if (!blocked) blocked = !isFirstAsleep(place.who);
      } else {
        // A child of a living parent passes those who wait for a slot of their own: it needs none.
        const held = borrow(waiter.request) ?? (blocked ? undefined : take());
        if (held === undefined) blocked = true;
        else {
          if (grant(place, waiter, held)) continue;
          seen = undefined;
          return pumpSoon();
        }
      }
      rest.push(place);
    }
    if (seen) seen = { ...seen, places: rest };
  };

  const pump = (): void => {
    if (waiters.size === 0) return;
    clearTimeout(timer);
    try {
      serve();
    } catch (error) {
      for (const key of [...waiters.keys()]) refuse(key, error);
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
      const place = queue.enter(request);
      const { key } = place;
      const behind = seen?.places.findLastIndex(({ name }) => name < place.name);
      if (seen && behind !== undefined) seen = { ...seen, places: seen.places.toSpliced(behind + 1, 0, place) };
      return new Promise<Slot>((give, deny) => {
        waiters.set(key, { request, grant: give, refuse: deny });
        signal?.addEventListener('abort', () => refuse(key, left()), { once: true });
        pumpSoon();
      });
    },
    seat: locks.seat,
    waiting: queue.waiting,
    move: (run_id, priority) => {
      seen = undefined;
      return queue.move(run_id, priority);
    },
    cancel: (run_id) => {
      seen = undefined;
      const there = queue.cancel(run_id);
      pumpSoon();
      return there;
    },
  };
};
