import type { SchedulerLike, Subscription } from 'rxjs';
import { Interrupted, type Stop } from './stop.js';

/** The longest timer that Node knows, in ms. */
const LONGEST_MS = 2 ** 31 - 1;

interface Waiter {
  /** Looks again; true when it was woken. */
  look(): boolean;
}

/** Everything that waits, by the type of event that may end it. One subscription of the bus serves them all. */
export class Wakes {
  readonly #byType = new Map<string, Set<Waiter>>();

  constructor(private readonly clock: { now(): number; readonly scheduler: SchedulerLike }) {}

  /** An event of this type was folded in. */
  heard(type: string): void {
    for (const waiter of [...(this.#byType.get(type) ?? [])]) waiter.look();
  }

  /**
   * Resolves with what `find` gives once it gives something, looked for now and after each event of the types; with
   * undefined at `until` (ms since the epoch). Rejects with Interrupted.
   */
  wait<Found>(
    types: readonly string[],
    find: () => Found | undefined,
    until: number | undefined,
    stops: readonly Stop[],
  ): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      const leaving: (() => void)[] = [];
      let timer: Subscription | undefined;
      let over = false;
      const leave = (): void => {
        over = true;
        for (const one of leaving) one();
        timer?.unsubscribe();
      };
      const waiter: Waiter = {
        look: () => {
          const found = find();
          if (found === undefined) return false;
          leave();
          resolve(found);
          return true;
        },
      };
      const sleep = (): void => {
        if (until === undefined || over) return;
        const left = until - this.clock.now();
        if (left <= 0) {
          leave();
          resolve(undefined);
          return;
        }
        timer = this.clock.scheduler.schedule(sleep, Math.min(left, LONGEST_MS));
      };
      if (waiter.look()) return;
      for (const stop of stops) {
        if (over) return;
        leaving.push(
          stop.on(() => {
            leave();
            reject(new Interrupted(stop));
          }),
        );
      }
      if (over) return;
      for (const type of types) {
        const waiters = this.#byType.get(type) ?? new Set();
        this.#byType.set(type, waiters.add(waiter));
        leaving.push(() => {
          waiters.delete(waiter);
          if (waiters.size === 0) this.#byType.delete(type);
        });
      }
      sleep();
    });
  }
}
