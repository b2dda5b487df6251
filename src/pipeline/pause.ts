import type { Clock } from '../core/ports.js';
import type { Stop } from './stop.js';

/** Resolves after `ms`, or when the stop is said. */
export const pause = (clock: Pick<Clock, 'scheduler'>, ms: number, ...stops: Stop[]): Promise<void> =>
  new Promise((resolve) => {
    const leaving: (() => void)[] = [];
    const end = (): void => {
      timer.unsubscribe();
      for (const leave of leaving) leave();
      resolve();
    };
    const timer = clock.scheduler.schedule(end, ms);
    for (const stop of stops) leaving.push(stop.on(end));
  });
