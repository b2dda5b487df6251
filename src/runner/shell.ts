import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tryLock } from 'fs-native-extensions';
import type { LockPlace } from '../core/ports.js';
import { inspect } from './processes.js';

/** A shell that reads its commands from us, in a session of its own. It lives on when we die. */
export interface Shell {
  pid: number;
  /** Clock ticks since boot. */
  start: number | undefined;
  /** The last that it is told; from now on we wait for it. With `lock` its file 3 first comes to hold that, too. */
  end(text: string, lock?: LockPlace): void;
  hasEnded(): boolean;
  /** Resolves when it is gone. */
  ended: Promise<void>;
}

/** `file`: what becomes its file 3: an open one, or the path of one that is opened for it alone. Throws when it cannot be started. */
export type OpenShell = (text: string, file: number | string | undefined) => Promise<Shell>;

/**
 * Node's own spawn, and not execa: of execa's services none is wanted here, and each start would block us longer. What is
 * only prepared is no reason for us to stay.
 */
export const spawnShell: OpenShell = async (text, file) => {
  const seat = typeof file === 'string' ? openSync(file, 'r+') : undefined;
  const third = typeof file === 'string' ? seat : file;
  let isOpen = seat !== undefined;
  const closeSeat = (): void => {
    if (isOpen) closeSync(seat!);
    isOpen = false;
  };
  const child = spawn('/bin/sh', ['-s', 'conductor-run'], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore', ...(third === undefined ? [] : [third])],
  });
  const { pid } = child;
  if (pid === undefined) {
    closeSeat();
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
    end(last, lock) {
      // Shared with whoever took it, so it was free at no moment.
      const isHeld = lock === undefined || seat === undefined || tryLock(seat, ...lock, { shared: true });
      closeSeat();
      child.ref();
      // Without its slot nothing may begin.
      input.end(isHeld ? last : '');
    },
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    ended,
  };
};
