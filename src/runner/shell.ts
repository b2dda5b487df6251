import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { inspect } from './processes.js';

/** A shell that reads its commands from us, in a session of its own. It lives on when we die. */
export interface Shell {
  pid: number;
  /** Clock ticks since boot. */
  start: number | undefined;
  /** The last that it is told; from now on we wait for it. */
  end(text: string): void;
  hasEnded(): boolean;
  /** Resolves when it is gone. */
  ended: Promise<void>;
}

/** `fd`: what becomes its file 3. Throws when it cannot be started. */
export type OpenShell = (text: string, fd: number | undefined) => Promise<Shell>;

/**
 * Node's own spawn, and not execa: of execa's services none is wanted here, and each start would block us longer. What is
 * only prepared is no reason for us to stay.
 */
export const spawnShell: OpenShell = async (text, fd) => {
  const child = spawn('/bin/sh', ['-s', 'conductor-run'], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore', ...(fd === undefined ? [] : [fd])],
  });
  const { pid } = child;
  if (pid === undefined) {
    const [error] = (await once(child, 'error')) as [Error];
    throw error;
  }
  // Not collected before we return to the event loop: even one that is dead already has its place in /proc.
  const start = inspect(pid)?.start;
  // The exit, not the close of its streams: a daemon may hold those for ever.
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const input = child.stdin as Socket;
  // One that died is known by its exit.
  input.on('error', () => undefined);
  child.unref();
  input.unref();
  input.write(text);
  return {
    pid,
    start,
    end(last) {
      child.ref();
      input.end(last);
    },
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    ended,
  };
};
