import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { RunLimits, Spent, Usage } from '../core/run.js';
import type { Price } from './agents/backend.js';
import type { Reflog } from './reflog.js';
import type { Family } from './streams/family.js';

/** What an adopter must know of the launch and cannot find in run-info.yaml. */
export interface LaunchNote {
  family?: Family;
  backend: string;
  boot_id: string;
  pid_namespace: string;
  cgroup?: string;
  /** Of the shim, which does nothing before this is written. */
  pid: number;
  pid_start?: number;
  limits: RunLimits;
  /** What earlier runs of a resumed session cost: its total begins there. In US dollars. */
  cost_before?: number;
  /** The same of tokens, for a CLI that counts them from the beginning of the session. */
  tokens_before?: Usage;
  /** Of an agent that tells its tokens and not its cost. */
  price?: Price;
  /** Where HEAD of its working folder stood; missing: that is in no repository. */
  reflog?: Reflog;
}

/** A child run, and when it lived, in ms since the epoch. */
export interface Child {
  run_id: string;
  from: number;
  to: number | undefined;
  /** With all below it; known when it has ended. */
  spent?: Spent | undefined;
}

/**
 * `.conductor/raw/<run_id>/`: where the agent writes while it lives, and what outlives its owner. It may hold secrets,
 * so it is private; it is there from the claim of the run until its end was reported. These files are small, and most
 * lie on the way to a start or an end: they are read and written without a turn of the event loop each.
 */
export const rawFolder = (rootPath: string, run_id: string) => {
  const path = join(rootPath, '.conductor', 'raw', run_id);
  const file = (name: string): string => join(path, name);

  const readIfThere = (name: string): string | undefined => {
    try {
      return readFileSync(file(name), 'utf8');
    } catch {
      return undefined;
    }
  };

  const write = (name: string, text: string, mode = 0o600): void => {
    const part = file(`.${name}.${process.pid}`);
    writeFileSync(part, text, { mode });
    renameSync(part, file(name));
  };

  /** Without effect where the folder is gone. */
  const tryWrite = (name: string, text: string): void => {
    try {
      write(name, text);
    } catch {
      // The run has ended meanwhile: nobody needs it any more.
    }
  };

  return {
    path,
    stdin: file('stdin'),
    stdout: file('stdout'),
    stderr: file('stderr'),
    script: file('script'),
    owner: file('owner'),
    exists: (): boolean => existsSync(path),
    make: (): void => void mkdirSync(path, { recursive: true, mode: 0o700 }),

    /** Returns the file that the agent is to read. */
    prepare(content: { stdin: string; script: string | undefined; note: LaunchNote }): string {
      if (content.stdin !== '') writeFileSync(file('stdin'), content.stdin, { mode: 0o600 });
      // Closed before anyone runs it: a file that is open for writing cannot be executed.
      if (content.script !== undefined) writeFileSync(file('script'), content.script, { mode: 0o700 });
      writeFileSync(file('launch.json'), JSON.stringify(content.note), { mode: 0o600 });
      return content.stdin === '' ? '/dev/null' : file('stdin');
    },

    note(): LaunchNote | undefined {
      const text = readIfThere('launch.json');
      try {
        return text === undefined ? undefined : (JSON.parse(text) as LaunchNote);
      } catch {
        return undefined;
      }
    },

    /** Whether the shim was told what to do: it opens the agent's output, or says why it cannot. */
    hasBegun: (): boolean => existsSync(file('stdout')) || existsSync(file('exit')),

    exitCode(): number | undefined {
      const code = Number.parseInt(readIfThere('exit') ?? '', 10);
      return Number.isInteger(code) ? code : undefined;
    },

    /** When the code was written, in ms since the epoch. */
    exitTime: (): number | undefined => statSync(file('exit'), { throwIfNoEntry: false })?.mtimeMs,

    /** Why we ended it. On disk, because whoever reports the end may be another process; the first reason stands. */
    wantStop(reason: string): void {
      if (!existsSync(file('stop'))) tryWrite('stop', reason);
    },
    stopReason: (): string | undefined => readIfThere('stop'),

    childBegan: (child: string, from: number): void => tryWrite(`child-${child}`, JSON.stringify({ from })),
    /** Without effect where it never began, and the second time. */
    childEnded({ run_id, to, spent }: Pick<Child, 'run_id' | 'to' | 'spent'>): void {
      const began = readIfThere(`child-${run_id}`);
      if (began === undefined) return;
      const known = JSON.parse(began) as Omit<Child, 'run_id'>;
      if (known.to === undefined) tryWrite(`child-${run_id}`, JSON.stringify({ ...known, to, spent }));
    },
    children(): Child[] {
      try {
        return readdirSync(path)
          .filter((name) => name.startsWith('child-'))
          .map((name) => {
            const known = JSON.parse(readFileSync(file(name), 'utf8')) as Omit<Child, 'run_id'>;
            return { ...known, run_id: name.slice('child-'.length) };
          });
      } catch {
        return [];
      }
    },

    remove(): void {
      try {
        for (const name of readdirSync(path)) unlinkSync(file(name));
        rmdirSync(path);
      } catch {
        // A folder in it, or somebody writes meanwhile. This takes four times as long.
        rmSync(path, { recursive: true, force: true, maxRetries: 3 });
      }
    },
  };
};

export type RawFolder = ReturnType<typeof rawFolder>;
