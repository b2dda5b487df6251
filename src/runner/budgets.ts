import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../core/config.js';
import type { AttemptSpec, Bus, Clock, Runs } from '../core/ports.js';
import { isUsedUp, leftOf, stricter, type RunLimits, type Spent } from '../core/run.js';
import { expectedOf, minus, NOTHING, plus, shareOf, type Level, type Share } from '../core/share.js';
import { claimOf, openAccounts, type Account, type Accounts } from './accounts.js';
import { createFileMutex } from './file-mutex.js';
import { dayOf, openSpending, taskOf } from './spending.js';

export interface BudgetPorts {
  rootPath: string;
  runs: Pick<Runs, 'find'>;
  clock: Pick<Clock, 'now'>;
  /** `budgets` of the configuration, and the bus, which tells what was used up. */
  budgets?: { bus: Pick<Bus, 'read'>; config: Config['budgets'] };
}

/** What a run at work tells, and asks. */
export interface RunAccount {
  /** By itself, so far. */
  spend(own: Spent): void;
  /** What the runs below it used up so far. */
  below(): Spent;
  /** Whether what it shares is used up: by runs above it or beside it, in its task, for its rule or on this day. */
  isOver(): Promise<boolean>;
  /** Calls back when one that this process reports has ended, and told what it used up. Returns the way to stop. */
  onOthers(ended: () => void): () => void;
}

const LOOK_MS = 250;
const spendingOnly = ({ usd, tokens }: RunLimits): RunLimits => ({
  ...(usd === undefined ? {} : { usd }),
  ...(tokens === undefined ? {} : { tokens }),
});
const isSet = (limits: RunLimits): boolean => Object.keys(spendingOnly(limits)).length > 0;
type Rule = NonNullable<Account['rule']>;

/**
 * Who may use up how much, for all processes of a root. A run with a limit of its own has that kept for it, so that
 * runs beside each other cannot go over a budget together; for one without what it is expected to use up is kept.
 */
export const createBudgets = (ports: BudgetPorts) => {
  const { rootPath, clock } = ports;
  const accounts = openAccounts(rootPath);
  const { run = {}, task = {}, day = {} } = ports.budgets?.config ?? {};
  const isShared = isSet(task) || isSet(day);
  const open = ports.budgets;
  const spending = open && openSpending({ ...ports, bus: open.bus });
  const listeners = new Set<() => void>();
  const exclusively = createFileMutex(join(rootPath, '.conductor', 'accounts.lock'));

  const above = (all: Accounts, parent: string | undefined): [string, Account][] => {
    const account = parent === undefined ? undefined : all.get(parent);
    return parent === undefined || account === undefined ? [] : [[parent, account], ...above(all, account.parent)];
  };

  /** What runs at work add to what is on the bus. A run counts with all below it. */
  const atWork = (all: Accounts, counts: (account: Account) => boolean): Pick<Level, 'spent' | 'kept'> => {
    let [spent, kept] = [NOTHING, NOTHING];
    for (const [run_id, account] of all) {
      if (!counts(account) || above(all, account.parent).some(([, one]) => counts(one))) continue;
      const sums = accounts.sumsOf(all, run_id);
      spent = plus(spent, minus(sums.spent, sums.ended));
      kept = plus(kept, minus(claimOf(sums, account), sums.spent));
    }
    return { spent, kept };
  };

  /** From the nearest on: what a run of the task below the parent spends from. */
  const levelsOf = async ({ task: ownTask, rule, parent }: Pick<Account, 'task' | 'rule' | 'parent'>) => {
    const today = dayOf(new Date(clock.now()).toISOString());
    const hasRule = rule !== undefined || above(accounts.all(), parent).some(([, account]) => account.rule);
    // First: who ends meanwhile is seen by its account or by what it left.
    const said = isShared || hasRule ? await spending?.(today) : undefined;
    const all = new Map(accounts.all());
    const chain = above(all, parent);
    // What a run above may still use up it uses up through this one, too: it is not to be waited for.
    for (const [run_id, account] of chain) all.set(run_id, { ...account, expects: {} });
    const rules = new Map<string, Rule>();
    for (const one of [rule, ...chain.map(([, account]) => account.rule)]) if (one) rules.set(one.id, one);
    const levels = chain.map(([run_id, { limits }]): Level => {
      const { spent, claimed } = accounts.sumsOf(all, run_id);
      return { name: `${run_id}, which started it,`, limits, spent, kept: minus(claimed, spent) };
    });
    if (said) {
      for (const name of new Set([ownTask, ...chain.map(([, account]) => account.task)])) {
        const { spent, kept } = atWork(all, (account) => account.task === name);
        levels.push({ name: `the task ${name}`, limits: task, spent: plus(said.task(name), spent), kept });
      }
      for (const { id, usd_per_day } of rules.values()) {
        const { spent, kept } = atWork(all, (account) => account.rule?.id === id);
        const limits = { usd: usd_per_day };
        levels.push({ name: `the rule ${id} on ${today}`, limits, spent: plus(said.rule(id), spent), kept });
      }
      const { spent, kept } = atWork(all, () => true);
      levels.push({ name: `the day ${today}`, limits: day, spent: plus(said.day, spent), kept });
    }
    // What is kept for a run above is for this one, too: who waited for others outside of that could wait for ever.
    const inside = chain.findIndex(([, { keeps }]) => isSet(keeps));
    return {
      levels: levels.map((level, at) => (inside >= 0 && at > inside ? { ...level, kept: NOTHING } : level)),
      dearest: (agent: string): Spent => said?.dearest(agent) ?? NOTHING,
    };
  };

  return {
    /** What the run may use up, kept for it from now on. `own`: its limits; `tells`: whether its agent says what it used. */
    async reserve(spec: AttemptSpec, own: RunLimits, tells: boolean): Promise<Share> {
      const limits = stricter(own, run);
      const { rule, parent_run_id } = spec;
      const parent = parent_run_id !== undefined && accounts.read(parent_run_id) ? parent_run_id : undefined;
      if (!isShared && !rule && parent === undefined && !isSet(limits)) return { limits };
      const whose = { task: taskOf(spec), ...(rule ? { rule } : {}), ...(parent === undefined ? {} : { parent }) };
      return exclusively(async () => {
        const { levels, dearest } = await levelsOf(whose);
        const expected = tells ? expectedOf(limits, levels, dearest(spec.agent)) : {};
        const share = shareOf(limits, levels, { ...limits, ...expected });
        if (!('limits' in share)) return share;
        const given = spendingOnly(share.limits);
        const keeps = { ...given };
        if (limits.usd === undefined) delete keeps.usd;
        if (limits.tokens === undefined) delete keeps.tokens;
        accounts.write(spec.run_id, { ...whose, keeps, expects: expected, limits: given, own: NOTHING });
        return share;
      });
    },

    /** Resolves when a run has ended, or `enough`: then there may be more for those who wait. */
    async untilGivenBack(enough: () => boolean): Promise<void> {
      const changed = (): number => statSync(join(rootPath, '.conductor', 'raw')).mtimeMs;
      const before = changed();
      while (!enough() && changed() === before) await delay(LOOK_MS);
    },

    of(run_id: string): RunAccount | undefined {
      const account = accounts.read(run_id);
      if (account === undefined) return undefined;
      const shares = isShared || account.rule !== undefined || account.parent !== undefined;
      return {
        spend(own) {
          account.own = own;
          accounts.write(run_id, account);
        },
        below: () => {
          const all = accounts.all();
          return minus(accounts.sumsOf(all, run_id).spent, all.get(run_id)?.own ?? NOTHING);
        },
        isOver: async () =>
          shares && (await levelsOf(account)).levels.some(({ limits, spent }) => isUsedUp(leftOf(limits, spent))),
        onOthers(ended) {
          listeners.add(ended);
          return () => void listeners.delete(ended);
        },
      };
    },

    close(run_id: string): void {
      accounts.remove(run_id);
      for (const ended of listeners) ended();
    },
  };
};

export type Budgets = ReturnType<typeof createBudgets>;
