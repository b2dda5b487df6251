import { setImmediate } from 'node:timers/promises';
import { compileCondition } from '../core/condition.js';
import type { Event } from '../core/event.js';
import { breaker } from '../core/flow/breaker.js';
import { correlate } from '../core/flow/correlate.js';
import { debounce } from '../core/flow/debounce.js';
import { sustained } from '../core/flow/sustained.js';
import { threshold } from '../core/flow/threshold.js';
import { throttle } from '../core/flow/throttle.js';
import { compileKey, compileMatch, isTypeGlob, matchesType } from '../core/match.js';
import type { Rule, RuleTable } from '../core/rule.js';
import { buckets } from './buckets.js';
import type { CompiledRule, CompiledStage } from './compiled-rule.js';

/** One pull request, issue or branch and whoever acts on it: what a loop goes round. */
const ENTITY = ['project_id', 'data.repository', 'data.number', 'data.issue', 'data.branch', 'actor'];

/** Most rules have none; one list for all of them stays in the cache of the machine. */
const NONE: readonly never[] = [];

const keyed = (per: readonly string[] | undefined): Pick<CompiledStage, 'key' | 'per'> => ({
  key: compileKey(per),
  per,
});

const stagesOf = ({ correlate: together, threshold: many, sustained: long, debounce: quiet, throttle: few }: Rule) => {
  const stages: CompiledStage[] = [];
  if (together) {
    const { mode, of, within, by } = together;
    const closers = of.flatMap(({ opens }, index) => (opens ? [] : [index]));
    stages.push({
      name: 'correlate',
      stage: correlate({ mode, parts: of.length, closers, within }),
      ...keyed(by),
    });
  }
  if (many) stages.push({ name: 'threshold', stage: threshold(many), ...keyed(many.per) });
  if (long) stages.push({ name: 'sustained', stage: sustained(long), ...keyed(long.per) });
  if (quiet) stages.push({ name: 'debounce', stage: debounce(quiet), ...keyed(quiet.per) });
  if (few) stages.push({ name: 'throttle', stage: throttle(few), ...keyed(few.per) });
  return stages.length === 0 ? NONE : stages;
};

const DEFAULT_BREAKER = { fires: 30, within: 3_600_000, per: undefined };

const compileBreaker = (options: Exclude<Rule['breaker'], false | undefined>): CompiledStage => ({
  name: 'breaker',
  stage: breaker(options),
  ...keyed(options.per ?? ENTITY),
});

/** The default, for events straight from outside. */
export const ORDINARY_BREAKER = compileBreaker(DEFAULT_BREAKER);

/** For changes of files: a run that changes what is watched is a cause that no event names. People save less often. */
export const FILE_BREAKER = compileBreaker({ fires: 100, within: 600_000, per: ['project_id', 'source'] });

const breakerOf = ({ breaker: options }: Rule): CompiledStage | undefined =>
  options === false ? undefined : options === undefined ? ORDINARY_BREAKER : compileBreaker(options);

const budgetOf = ({ id, budget }: Rule): CompiledRule['budgetOf'] => {
  if (budget?.per === undefined) return undefined;
  const key = compileKey(budget.per);
  return (event) => `${id} for ${key(event)}`;
};

export const compileRule = (rule: Rule): CompiledRule => {
  const stages = stagesOf(rule);
  const { id, do: handler, with: given, priority, max_age, budget } = rule;
  return {
    rule,
    id,
    max_age,
    trust: rule.trust,
    isGuarded: rule.actor !== undefined || rule.expires !== undefined || !rule.enabled,
    isLimited: budget !== undefined || rule.max_fires !== undefined || rule.concurrency !== undefined,
    start: {
      rule: id,
      handler,
      ...(given ? { with: given } : {}),
      ...(priority === 50 ? {} : { priority }),
      ...(budget?.usd_per_run === undefined ? {} : { usd_per_run: budget.usd_per_run }),
      ...(budget?.usd_per_day === undefined ? {} : { usd_per_day: budget.usd_per_day }),
    },
    match: compileMatch(rule.match),
    when: rule.when === undefined ? undefined : compileCondition(rule.when, ['event']),
    stages,
    sustained: stages.find(({ name }) => name === 'sustained'),
    parts: rule.correlate?.of.map((part) => ({ on: part.on, match: compileMatch(part.match) })) ?? NONE,
    breaker: breakerOf(rule),
    concurrencyKey: rule.concurrency && compileKey(rule.concurrency.key),
    budgetOf: budgetOf(rule),
  };
};

export interface RulesOfType {
  readonly rules: readonly CompiledRule[];
  readonly backstops: readonly CompiledRule[];
  /** Those of `rules` that the event may match; the others would say no. */
  readonly candidates: (event: Event) => readonly CompiledRule[];
}

/** Rules that may answer a type, by type: in the table's order, found once a type. */
export interface CompiledTable {
  readonly hash: string;
  readonly all: readonly CompiledRule[];
  readonly byId: ReadonlyMap<string, CompiledRule>;
  ofType(type: string): RulesOfType;
}

const MOST_TYPES = 10_000;

const assemble = (hash: string, all: readonly CompiledRule[]): CompiledTable => {
  const exact = new Map<string, number[]>();
  const globs: number[] = [];
  for (const [index, { rule }] of all.entries()) {
    if (rule.on.some(isTypeGlob)) {
      globs.push(index);
      continue;
    }
    for (const type of new Set(rule.on)) {
      const of = exact.get(type);
      if (of) of.push(index);
      else exact.set(type, [index]);
    }
  }
  const known = new Map<string, RulesOfType>();
  return {
    hash,
    all,
    byId: new Map(all.map((compiled) => [compiled.rule.id, compiled])),
    ofType(type) {
      let found = known.get(type);
      if (found) return found;
      const indices = [...(exact.get(type) ?? []), ...globs.filter((index) => matchesType(all[index]!.rule.on, type))];
      const asked = indices.sort((a, b) => a - b).map((index) => all[index]!);
      const rules = asked.filter(({ rule }) => !rule.backstop);
      const backstops = asked.filter(({ rule }) => rule.backstop);
      found = { rules, backstops, candidates: buckets(rules) };
      // Types come from outside too; their number must not fill the memory.
      if (known.size >= MOST_TYPES) known.clear();
      known.set(type, found);
      return found;
    },
  };
};

const prepared = new WeakMap<object, CompiledTable>();

export const compileTable = (table: { hash: string; rules: readonly Rule[] }): CompiledTable =>
  prepared.get(table) ?? assemble(table.hash, table.rules.map(compileRule));

/** Ms at a time: what is made lasts, and to put that aside takes the machine as long again. */
const SLICE_MS = 2;

/** Compiles in short pieces, so that a large table stops nobody; afterwards `compileTable` has it at once. */
export const prepareTable = async (table: RuleTable): Promise<void> => {
  const all: CompiledRule[] = [];
  let began = performance.now();
  for (const rule of table.rules) {
    all.push(compileRule(rule));
    if (performance.now() - began < SLICE_MS) continue;
    await setImmediate();
    began = performance.now();
  }
  await setImmediate();
  prepared.set(table, assemble(table.hash, all));
};
