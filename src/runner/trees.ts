import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { cgroupMembers, killCgroup } from './cgroup.js';
import { isAlive, signal } from './processes.js';
import type { SweepAnswer } from './sweep-worker.js';
import { findTree, sweepMarks, type Mark } from './sweep.js';

/** How long a run that was asked to end may take. */
export const GRACE_MS = 3_000;
const LOOK_MS = 25;

interface Asked {
  resolve: (found: number) => void;
  reject: (error: Error) => void;
}

/** The thread that reads /proc: there from its first order, and no reason for the process to stay. */
const createThread = (file: string) => {
  const asked = new Map<number, Asked>();
  let thread: Worker | undefined;
  let count = 0;
  let isClosed = false;

  const open = (): Worker => {
    const opened = new Worker(file);
    const lost = (error: Error): void => {
      if (thread === opened) thread = undefined;
      for (const [id, { reject }] of asked) {
        asked.delete(id);
        reject(error);
      }
    };
    opened.on('message', ({ id, found, error }: SweepAnswer) => {
      const waits = asked.get(id);
      asked.delete(id);
      // While it is being ended nothing else may keep us here to see the end.
      if (asked.size === 0 && !isClosed) opened.unref();
      if (error === undefined) waits?.resolve(found);
      else waits?.reject(new Error(error));
    });
    opened.on('error', lost);
    opened.on('exit', () => lost(new Error('the thread that sweeps has ended')));
    return opened;
  };

  return {
    ask: (mark: Mark, look: boolean): Promise<number> =>
      new Promise((resolve, reject) => {
        thread ??= open();
        const id = ++count;
        asked.set(id, { resolve, reject });
        thread.ref();
        thread.postMessage({ id, mark, look });
      }),
    async close(): Promise<void> {
      isClosed = true;
      await thread?.terminate();
    },
  };
};

/** What belongs to runs: seen, and ended. `worker`: the file of the thread for machines where /proc must be read. */
export const createTrees = (worker: string | undefined) => {
  const thread = worker === undefined ? undefined : createThread(worker);

  const isEmpty = async (mark: Mark): Promise<boolean> => {
    if (mark.cgroup !== undefined && cgroupMembers(mark.cgroup).length > 0) return false;
    const here = (): number => findTree(mark, new Set([mark.pid])).length;
    return (await (thread?.ask(mark, true).catch(here) ?? here())) === 0;
  };

  /** Kills whatever is left of the run, until nothing is. */
  const sweep = async (mark: Mark): Promise<void> => {
    if (mark.cgroup !== undefined) await killCgroup(mark.cgroup);
    // Whoever can make a group can leave one. Where only what is younger than the run is looked at, a thread costs more.
    if (thread === undefined || (mark.cgroup !== undefined && mark.since !== undefined)) return sweepMarks(mark);
    await thread.ask(mark, false).catch(() => sweepMarks(mark));
  };

  return {
    isEmpty,
    sweep,
    /** Asks the run to end, waits a little for its agent, then leaves nothing of it. */
    async end(mark: Mark): Promise<void> {
      if (isAlive(mark.pid, mark.pid_start)) {
        signal(-mark.pid, 'SIGTERM');
        const deadline = performance.now() + GRACE_MS;
        while (performance.now() < deadline && isAlive(mark.pid, mark.pid_start)) await delay(LOOK_MS);
      }
      await sweep(mark);
    },
    close: async (): Promise<void> => thread?.close(),
  };
};

export type Trees = ReturnType<typeof createTrees>;
