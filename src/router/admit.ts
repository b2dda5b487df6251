import { CHAIN_BUDGET, chainSpent } from '../core/depth.js';
import { causeOf, isFromOutside, type Event } from '../core/event.js';
import type { Signal } from '../core/flow/window.js';
import type { Fired, SuppressionReason } from '../core/ledger-view.js';
import { lineageIn, type Batch } from './batch.js';
import { FILE_BREAKER, ORDINARY_BREAKER } from './compile.js';
import type { CompiledRule } from './compiled-rule.js';
import { depthOf } from './consider.js';
import { offer } from './flow.js';

type Limits = Pick<Fired, 'concurrency' | 'budget'>;
export type Admitted = { fired: Fired } | { reason: SuppressionReason; detail: string };

/** So many activations wait for one key; what comes then is said and dropped. */
const MOST_QUEUED = 1_000;

/** Event time for the task's name: `20261121-013000`. */
const stamp = ({ ts }: Event): string =>
  `${ts.slice(0, 4)}${ts.slice(5, 7)}${ts.slice(8, 10)}-${ts.slice(11, 13)}${ts.slice(14, 16)}${ts.slice(17, 19)}`;
const add = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);

const overBudget = (
  { view, started }: Batch,
  { rule, id }: CompiledRule,
  budget: string | undefined,
  at: number,
): string | undefined => {
  if (!rule.budget) return undefined;
  const use = budget === undefined ? view.rules.get(id) : view.budgets.get(budget);
  const begun = budget === undefined ? started.rules.get(id) : started.budgets.get(budget);
  const today = new Date(at).toISOString().slice(0, 10);
  const isToday = use?.day === today;
  const runs = (isToday ? use.runs_today : 0) + (begun ?? 0);
  const usd = isToday ? use.usd_today : 0;
  const { runs_per_day, usd_per_day } = rule.budget;
  const whose = budget === undefined ? '' : budget.slice(id.length);
  if (runs_per_day !== undefined && runs >= runs_per_day)
    return `${runs} runs${whose} on ${today}; the budget is ${runs_per_day}`;
  if (usd_per_day !== undefined && usd >= usd_per_day)
    return `$${usd.toFixed(2)} spent${whose} on ${today}; the budget is $${usd_per_day.toFixed(2)}`;
  return undefined;
};

const isOfFiles = (event: Event): boolean => event.source.startsWith('file:') && causeOf(event) === undefined;

/** The rule's own, else the default of what may go round through the world. */
const breakerFor = ({ breaker }: CompiledRule, event: Event): CompiledRule['breaker'] => {
  if (breaker !== ORDINARY_BREAKER || isFromOutside(event)) return breaker;
  return isOfFiles(event) ? FILE_BREAKER : undefined;
};

const suppressed = (reason: SuppressionReason, detail: string): Admitted => ({ reason, detail });

const MOST_FIRES = Number.POSITIVE_INFINITY;

/** What the rule itself allows; undefined: it may. */
const overLimits = (
  batch: Batch,
  compiled: CompiledRule,
  { concurrency, budget }: Limits,
  at: number,
): Admitted | undefined => {
  const { rule, id } = compiled;
  const { view, started } = batch;
  const fires = (view.rules.get(id)?.fired ?? 0) + (started.rules.get(id) ?? 0);
  const { max_fires = MOST_FIRES } = rule;
  if (fires >= max_fires) return suppressed('max_fires', `it has started ${fires} times; max_fires is ${max_fires}`);
  const spent = overBudget(batch, compiled, budget, at);
  if (spent !== undefined) return suppressed('budget', spent);
  if (!concurrency) return undefined;
  const { group, limit, on_conflict } = concurrency;
  const known = view.groups.get(group);
  const busy = (known?.active.size ?? 0) + (known?.queue.length ?? 0) + (started.groups.get(group)?.length ?? 0);
  if (on_conflict === 'skip' && busy >= limit)
    return suppressed('concurrency', `${busy} at work for ${group.split('\n')[1]!}; the limit is ${limit}`);
  return busy >= MOST_QUEUED + limit ? suppressed('queue_full', `${busy} wait already`) : undefined;
};

const limitsOf = ({ rule, concurrencyKey, budgetOf }: CompiledRule, event: Event): Limits => ({
  ...(rule.concurrency && {
    concurrency: {
      group: `${rule.concurrency.group ?? rule.id}\n${concurrencyKey!(event)}`,
      limit: rule.concurrency.limit,
      on_conflict: rule.concurrency.on_conflict,
    },
  }),
  ...(budgetOf && { budget: budgetOf(event) }),
});

/** What depends on how much was started before. What is admitted counts at once. */
export const admit = (batch: Batch, compiled: CompiledRule, event: Event, signal: Signal): Admitted => {
  const { id, isLimited, start } = compiled;
  const { view, started } = batch;
  const lineage = lineageIn(batch, event);

  const chain = (view.chains.get(lineage.root) ?? 0) + (started.chains.get(lineage.root) ?? 0);
  if (chain >= CHAIN_BUDGET) return suppressed('chain', chainSpent(lineage.root));

  const limits = isLimited ? limitsOf(compiled, event) : {};
  const { concurrency, budget } = limits;
  const over = isLimited ? overLimits(batch, compiled, limits, signal.at) : undefined;
  if (over) return over;

  const breaker = breakerFor(compiled, event);
  if (breaker) {
    const { dropped } = offer(batch, id, breaker, event, signal);
    if (dropped !== undefined) return suppressed('breaker', dropped);
  }

  add(started.chains, lineage.root);
  if (isLimited) add(started.rules, id);
  if (budget !== undefined) add(started.budgets, budget);
  const activation = `${id}/${signal.opener}`;
  if (concurrency)
    started.groups.set(concurrency.group, [...(started.groups.get(concurrency.group) ?? []), activation]);
  return {
    fired: {
      activation,
      event: event.msg_id,
      project_id: event.project_id,
      task_id: `${id}-${stamp(event)}-${signal.opener.slice(-28).replace(/[^A-Za-z0-9]/g, '')}`,
      depth: depthOf(batch, event),
      trust: compiled.trust ?? lineage.trust,
      root: lineage.root,
      ...start,
      ...(signal.count > 1 ? { folded: { count: signal.count, events: signal.events } } : {}),
      ...limits,
    },
  };
};
