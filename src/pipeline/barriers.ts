import { Interrupted, type Stop } from './stop.js';

interface Barrier {
  arrived: number;
  release: (() => void)[];
}

/** Where the lanes of one `parallel` wait for each other. A lane that ends without coming breaks what others wait at. */
export class Barriers {
  readonly #barriers = new Map<string, Barrier>();
  #broken: string | undefined;

  /** Resolves with undefined when `parties` lanes have come, with a reason when that cannot be any more. */
  async arrive(name: string, parties: number, stops: readonly Stop[]): Promise<string | undefined> {
    const barrier = this.#barriers.get(name) ?? { arrived: 0, release: [] };
    this.#barriers.set(name, barrier);
    barrier.arrived++;
    if (barrier.arrived >= parties) {
      for (const release of barrier.release) release();
      barrier.release = [];
      return undefined;
    }
    if (this.#broken !== undefined) return this.#broken;
    const leaving: (() => void)[] = [];
    await new Promise<void>((resolve, reject) => {
      barrier.release.push(resolve);
      for (const stop of stops) leaving.push(stop.on(() => reject(new Interrupted(stop))));
    }).finally(() => {
      for (const leave of leaving) leave();
    });
    return barrier.arrived >= parties ? undefined : this.#broken;
  }

  /** Of a lane that passed before a restart. */
  passed(name: string): void {
    const barrier = this.#barriers.get(name) ?? { arrived: 0, release: [] };
    this.#barriers.set(name, barrier);
    barrier.arrived = Number.MAX_SAFE_INTEGER;
    for (const release of barrier.release) release();
    barrier.release = [];
  }

  break(reason: string): void {
    this.#broken ??= reason;
    for (const barrier of this.#barriers.values()) {
      for (const release of barrier.release) release();
      barrier.release = [];
    }
  }
}
