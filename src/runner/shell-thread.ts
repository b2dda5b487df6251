import { Worker } from 'node:worker_threads';
import { untilGone } from './processes.js';
import { spawnShell, type OpenShell, type Shell } from './shell.js';
import type { SpawnAnswer, SpawnOrder } from './spawn-worker.js';

interface Asked {
  heard: (answer: SpawnAnswer) => void;
  /** The thread is gone. */
  lost: () => void;
}

/** As spawnShell, by a thread. It is there from the first start, and we stay for it while something runs. */
export const createShellThread = (file: string): { open: OpenShell; close(): Promise<void> } => {
  const asked = new Map<number, Asked>();
  const busy = new Set<number>();
  let thread: Worker | undefined;
  let count = 0;
  let isClosed = false;

  const start = (): Worker => {
    const worker = new Worker(file);
    worker.unref();
    worker.on('message', (answer: SpawnAnswer) => asked.get(answer.id)?.heard(answer));
    // Its exit follows.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      if (thread === worker) thread = undefined;
      for (const { lost } of asked.values()) lost();
      asked.clear();
    });
    return worker;
  };
  const post = (order: SpawnOrder): void => (thread ??= start()).postMessage(order);
  const hold = (id: number, is: boolean): void => {
    if (is) busy.add(id);
    else busy.delete(id);
    if (busy.size > 0) thread?.ref();
    // While it is being ended nothing else may keep us here to see the end.
    else if (!isClosed) thread?.unref();
  };

  const open: OpenShell = (text, fd) =>
    new Promise((resolve, reject) => {
      const id = ++count;
      let gone = false;
      let settle = (): void => undefined;
      const ended = new Promise<void>((done) => (settle = done));
      const finish = (): void => {
        gone = true;
        asked.delete(id);
        hold(id, false);
        settle();
      };
      let shell: Shell | undefined;
      asked.set(id, {
        heard(answer) {
          if ('error' in answer) {
            finish();
            reject(new Error(answer.error));
          } else if ('ended' in answer) finish();
          else {
            hold(id, false);
            const { pid, start: began } = answer;
            const end = (last: string): void => {
              hold(id, true);
              post({ id, end: last });
            };
            shell = { pid, start: began, end, hasEnded: () => gone, ended };
            resolve(shell);
          }
        },
        lost() {
          hold(id, false);
          // What it had started lives on; what it had not, we start ourselves.
          if (shell) void untilGone(shell.pid, shell.start).then(finish);
          else spawnShell(text, fd).then(resolve, reject);
        },
      });
      post({ id, open: text, fd });
      hold(id, true);
    });

  return {
    open,
    async close() {
      isClosed = true;
      await thread?.terminate();
    },
  };
};
