import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How often is looked whether there is something to trim, in ms. */
const EVERY_MS = 2_000;
/** What the heap has grown by since the last time, in bytes, before a trim is worth its pause. */
const GROWTH = 24 * 1024 * 1024;
/** What one collection frees, those after it give back page by page. */
const ROUNDS = 4;
/** Of the time; busier than this, nobody is made to wait. */
const IDLE = 0.1;

const collector = (): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
};

/**
 * After a burst V8 keeps the pages that it needed then, until something allocates again: of a service that mostly waits
 * that is most of its memory. So it gives them back when it is idle. Returns the way to end it.
 */
export const trimMemory = (): { close(): void } => {
  const collect = collector();
  let before = performance.eventLoopUtilization();
  let trimmed = 0;
  let left = 0;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (utilization > IDLE) return;
    if (process.memoryUsage().heapTotal - trimmed >= GROWTH) left = ROUNDS;
    if (left === 0) return;
    left--;
    collect();
    trimmed = process.memoryUsage().heapTotal;
  }, EVERY_MS).unref();
  return { close: () => clearInterval(timer) };
};
