// Reads /proc beside the main loop, which a machine of many processes would hold up after every run.
import { parentPort } from 'node:worker_threads';
import { findTree, sweepMarks, type Mark } from './sweep.js';

/** `look`: how many there are; else they are killed. */
export interface SweepOrder {
  id: number;
  mark: Mark;
  look: boolean;
}

export interface SweepAnswer {
  id: number;
  found: number;
  error?: string;
}

const work = async ({ mark, look }: SweepOrder): Promise<number> => {
  if (look) return findTree(mark, new Set([mark.pid])).length;
  await sweepMarks(mark);
  return 0;
};

parentPort?.on('message', (order: SweepOrder) => {
  work(order).then(
    (found) => parentPort?.postMessage({ id: order.id, found } satisfies SweepAnswer),
    (error: unknown) => parentPort?.postMessage({ id: order.id, found: 0, error: String(error) } satisfies SweepAnswer),
  );
});
