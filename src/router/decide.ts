import { compileCondition, type Condition } from '../core/condition.js';
import { CHAIN_BUDGET, MAX_DEPTH } from '../core/depth.js';
import { isBelieved, type Event } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import type { Fired, LedgerView, Routed } from '../core/ledger-view.js';
import { lineageOf } from '../core/lineage.js';
import { firstMismatch, getPath, matchesType } from '../core/match.js';
import type { Rule, RuleTable } from '../core/rule.js';

type Decision = Pick<Routed, 'fired' | 'suppressed' | 'errors'>;

const conditions = new WeakMap<Rule, Condition>();
const conditionOf = (rule: Rule): Condition | undefined => {
  if (rule.when === undefined) return undefined;
  let condition = conditions.get(rule);
  if (!condition) conditions.set(rule, (condition = compileCondition(rule.when, ['event'])));
  return condition;
};

/** Event time for the task's name: `20261121-013000`. */
const stamp = (event: Event): string => event.ts.replace(/[-:]/g, '').replace('T', '-').slice(0, 15);

const throttleKey = (rule: Rule, event: Event): string | undefined =>
  rule.throttle && JSON.stringify(rule.throttle.per === undefined ? null : (getPath(event, rule.throttle.per) ?? null));

/**
 * Decides one batch against one table. Windows are those of the ledger, plus what this batch fires itself; time is
 * the event's own, except for `max_age`, which compares with `now` (ms).
 */
export const decide = (events: readonly Event[], table: RuleTable, view: LedgerView, now: number): Decision => {
  const decision: Decision = { fired: [], suppressed: [], errors: [] };
  const firedHere = new Map<string, number>();
  const chainHere = new Map<string, number>();

  const consider = (rule: Rule, event: Event): boolean => {
    if (!rule.enabled || !matchesType(rule.on, event.type) || firstMismatch(rule.match, event)) return false;
    try {
      if (conditionOf(rule)?.({ event }) === false) return false;
    } catch (error) {
      decision.errors.push({
        rule: rule.id,
        event: event.msg_id,
        message: error instanceof Error ? error.message.split('\n')[0]! : String(error),
      });
      return false;
    }
    const suppress = (reason: Routed['suppressed'][number]['reason'], detail: string): boolean => {
      decision.suppressed.push({ rule: rule.id, event: event.msg_id, reason, detail });
      return true;
    };
    const lineage = lineageOf(view, event);
    const depth = lineage.depth + (isReserved(event.type) && event.type !== 'TIMER_FIRED' ? 2 : 1);
    if (depth >= MAX_DEPTH) return suppress('depth', `it would start at depth ${depth}; the maximum is ${MAX_DEPTH}`);
    const age = now - Date.parse(event.ts);
    if (age > rule.max_age)
      return suppress('expired', `${Math.round(age / 1_000)} s old; max_age is ${rule.max_age / 1_000} s`);
    const chain = (view.chains.get(lineage.root) ?? 0) + (chainHere.get(lineage.root) ?? 0);
    if (chain >= CHAIN_BUDGET)
      return suppress('chain', `the chain of ${lineage.root} has used its budget of ${CHAIN_BUDGET} runs`);
    const key = throttleKey(rule, event);
    if (rule.throttle && key !== undefined) {
      const id = `${rule.id}\n${key}`;
      const at = Date.parse(event.ts);
      const recent =
        (view.windows.get(id) ?? []).filter((time) => at - time < rule.throttle!.within).length +
        (firedHere.get(id) ?? 0);
      if (recent >= rule.throttle.first)
        return suppress(
          'throttled',
          `${rule.throttle.first} a window of ${rule.throttle.within / 1_000} s, key ${key}`,
        );
      firedHere.set(id, (firedHere.get(id) ?? 0) + 1);
    }
    chainHere.set(lineage.root, (chainHere.get(lineage.root) ?? 0) + 1);
    const fired: Fired = {
      activation: `${rule.id}/${event.msg_id}`,
      rule: rule.id,
      event: event.msg_id,
      handler: rule.do,
      project_id: event.project_id,
      task_id: `${rule.id}-${stamp(event)}-${event.msg_id.slice(-28).replace(/[^A-Za-z0-9]/g, '')}`,
      depth,
      trust: rule.trust ?? lineage.trust,
      root: lineage.root,
      ...(rule.with ? { with: rule.with } : {}),
      ...(key === undefined ? {} : { throttle_key: key }),
    };
    decision.fired.push(fired);
    return true;
  };

  for (const event of events) {
    if (!isBelieved(event)) continue;
    let matched = false;
    for (const rule of table.rules) {
      if (rule.backstop || !consider(rule, event)) continue;
      matched = true;
      if (rule.stop) break;
    }
    if (matched) continue;
    for (const rule of table.rules) if (rule.backstop) consider(rule, event);
  }
  return decision;
};
