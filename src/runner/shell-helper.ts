import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { untilGone } from './processes.js';
import { spawnShell, type OpenShell, type Shell } from './shell.js';
import type { SpawnAnswer, SpawnOrder } from './spawn-helper.js';

interface Asked {
  heard: (answer: SpawnAnswer) => void;
  /** The helper is gone. */
  lost: () => void;
}

/** As spawnShell, by a process of its own. It is there from the first start, and we stay for it while something runs. */
export const createShellHelper = (file: string): { open: OpenShell; close(): Promise<void> } => {
  const asked = new Map<number, Asked>();
  const busy = new Set<number>();
  let helper: ChildProcess | undefined;
  let count = 0;

  const start = (): ChildProcess => {
    // Out of reach of what a terminal says to us, and with nothing of ours that a run could inherit.
    const child = fork(file, {
      detached: true,
      execArgv: [],
      env: {},
      cwd: '/',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.unref();
    child.channel?.unref();
    const lose = (): void => {
      if (helper !== child) return;
      helper = undefined;
      const all = [...asked.values()];
      asked.clear();
      for (const { lost } of all) lost();
    };
    child.on('message', (answer: SpawnAnswer) => asked.get(answer.id)?.heard(answer));
    child.on('error', lose);
    child.on('disconnect', lose);
    return child;
  };
  const post = (order: SpawnOrder): void => {
    helper ??= start();
    // What it did not hear it will be found to have lost.
    helper.send(order, () => undefined);
  };
  const hold = (id: number, is: boolean): void => {
    if (is) busy.add(id);
    else busy.delete(id);
    if (busy.size > 0) helper?.channel?.ref();
    else helper?.channel?.unref();
  };

  const open: OpenShell = (text, file) => {
    // A file that is open here cannot be handed on.
    if (typeof file === 'number') return spawnShell(text, file);
    return new Promise((resolve, reject) => {
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
      post({ id, open: text, file });
      asked.set(id, {
        heard(answer) {
          if ('error' in answer) {
            finish();
            reject(new Error(answer.error));
          } else if ('ended' in answer) finish();
          else {
            hold(id, false);
            const { pid, start: began } = answer;
            shell = {
              pid,
              start: began,
              end(last, lock) {
                if (gone || !asked.has(id)) return;
                hold(id, true);
                post({ id, end: last, lock });
              },
              hasEnded: () => gone || !asked.has(id),
              ended,
            };
            resolve(shell);
          }
        },
        lost() {
          hold(id, false);
          // What it had started lives on; what it had not, we start ourselves.
          if (shell) void untilGone(shell.pid, shell.start).then(finish);
          else spawnShell(text, file).then(resolve, reject);
        },
      });
      hold(id, true);
    });
  };

  return {
    open,
    async close() {
      const child = helper;
      helper = undefined;
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      child.ref();
      const exit = once(child, 'exit');
      if (child.connected) child.disconnect();
      await exit;
    },
  };
};
