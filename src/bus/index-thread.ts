/** A thread that builds the index of one closed segment, and ends. */
import type { Segment } from './segments.js';
import type { Moment } from './stamp.js';

export interface IndexOrder {
  root: string;
  segment: Segment;
  key: Uint8Array;
  /** Of our own facts before the segment. */
  newest: Moment | undefined;
}

/** `file`: of the thread. Resolves when it has ended, whatever came of it. */
export const indexBeside = async (file: string, order: IndexOrder, stop: AbortSignal): Promise<void> => {
  const { Worker } = await import('node:worker_threads');
  if (stop.aborted) return;
  const thread = new Worker(file, { workerData: order });
  const end = (): void => void thread.terminate();
  stop.addEventListener('abort', end);
  await new Promise<void>((resolve) => {
    thread.once('error', () => resolve());
    thread.once('exit', () => resolve());
  });
  stop.removeEventListener('abort', end);
};
