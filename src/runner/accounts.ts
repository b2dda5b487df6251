import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptSpec } from '../core/ports.js';
import { most, NOTHING, plus } from '../core/share.js';
import type { RunLimits, Spent } from '../core/run.js';
import { isLivingRun } from './living.js';
import { rawFolder } from './raw-folder.js';

/** What a living run keeps of budgets, and what it used up. */
export interface Account {
  /** `<project>/<task>`. */
  task: string;
  rule?: AttemptSpec['rule'];
  parent?: string;
  /** Kept for it and all below it: its own limits. */
  keeps: RunLimits;
  /** Kept where it has none: what it is expected to use up. */
  expects: RunLimits;
  /** What it was given. */
  limits: RunLimits;
  /** By itself, so far. */
  own: Spent;
}

export type Accounts = ReadonlyMap<string, Account>;

/** Of a run and all below it. */
export interface Sums {
  spent: Spent;
  /** With what those below keep. */
  claimed: Spent;
  /** By those below that have ended. */
  ended: Spent;
}

export const claimOf = ({ claimed }: Sums, account: Account | undefined): Spent =>
  most(claimed, { ...NOTHING, ...account?.expects, ...account?.keeps });

/** `.conductor/accounts/<run_id>`: of runs at work alone, so that there are never many to read. */
export const openAccounts = (rootPath: string) => {
  const folder = join(rootPath, '.conductor', 'accounts');
  const fileOf = (run_id: string): string => join(folder, run_id);
  const remove = (run_id: string): void => rmSync(fileOf(run_id), { force: true });

  const read = (run_id: string): Account | undefined => {
    try {
      return JSON.parse(readFileSync(fileOf(run_id), 'utf8')) as Account;
    } catch {
      return undefined;
    }
  };

  const names = (): string[] => {
    try {
      return readdirSync(folder).filter((name) => !name.startsWith('.'));
    } catch {
      return [];
    }
  };

  const sumsOf = (all: Accounts, run_id: string): Sums => {
    const own = all.get(run_id)?.own ?? NOTHING;
    let sums: Sums = { spent: own, claimed: own, ended: NOTHING };
    const add = ({ spent, claimed, ended }: Sums): void => {
      sums = {
        spent: plus(sums.spent, spent),
        claimed: plus(sums.claimed, claimed),
        ended: plus(sums.ended, ended),
      };
    };
    for (const { run_id: child, to, spent = NOTHING } of rawFolder(rootPath, run_id).children()) {
      if (to !== undefined || !all.has(child)) add({ spent, claimed: spent, ended: spent });
      else {
        const below = sumsOf(all, child);
        add({ ...below, claimed: claimOf(below, all.get(child)) });
      }
    }
    return sums;
  };

  return {
    read,
    remove,
    sumsOf,
    write(run_id: string, account: Account): void {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const part = join(folder, `.${run_id}.${process.pid}`);
      writeFileSync(part, JSON.stringify(account), { mode: 0o600 });
      renameSync(part, fileOf(run_id));
    },
    /** Of those that live. */
    all(): Accounts {
      const found = new Map<string, Account>();
      for (const run_id of names()) {
        // Its run ended while nobody was there to take it away.
        if (!isLivingRun(rootPath, run_id)) remove(run_id);
        else {
          const account = read(run_id);
          if (account) found.set(run_id, account);
        }
      }
      return found;
    },
  };
};
