import { isBelieved, type Event } from '../core/event.js';
import type { LedgerView, Routed } from '../core/ledger-view.js';
import type { RuleTable } from '../core/rule.js';
import type { Decision } from './batch.js';
import { compileTable } from './compile.js';
import { describeVerdict } from './describe.js';
import { Replay } from './replay.js';
import { isDecidable } from './decidable.js';
import type { Verdict } from './verdict.js';

/** What one rule said to one event: `fired`, `held`, `suppressed: throttled`, `error`, or nothing. */
export interface Difference {
  event: string;
  ts: string;
  type: string;
  rule: string;
  was: string;
  would: string;
  /** Why, by the new table. */
  why?: string;
}

export interface Simulation {
  events: number;
  differences: Difference[];
  /** Starts by rule. */
  rules: Record<string, { fired: number; would: number }>;
}

export interface Simulating {
  events: AsyncIterable<Event>;
  fold: (view: LedgerView, event: Event) => void;
  view: LedgerView;
  table: RuleTable;
  /** Whether to begin with this event; what was before is only folded. */
  from: (event: Event) => boolean;
}

const NOTHING = 'no match';

const outcomes = (decision: Pick<Decision, 'fired' | 'held' | 'suppressed' | 'errors'>): [string, string][] => [
  ...(decision.held ?? []).map(({ rule, event }): [string, string] => [`${event}\n${rule}`, 'held']),
  ...decision.suppressed.map(({ rule, event, reason }): [string, string] => [
    `${event}\n${rule}`,
    `suppressed: ${reason}`,
  ]),
  ...decision.errors.map(({ rule, event }): [string, string] => [`${event}\n${rule}`, 'error']),
  // Last: an event that was held and then started something has started something.
  ...decision.fired.map(({ rule, event }): [string, string] => [`${event}\n${rule}`, 'fired']),
];

/**
 * Decides the recorded bus anew and says what would differ. What happened because of the decisions then stays as it was; what
 * only the new table starts is taken to end at once.
 */
export const simulate = async ({ events, fold, view, table, from }: Simulating): Promise<Simulation> => {
  const compiled = compileTable(table);
  const was = new Map<string, string>();
  const would = new Map<string, string>();
  const why = new Map<string, string>();
  const known = new Map<string, { ts: string; type: string }>();
  const rules: Simulation['rules'] = {};
  let replay: Replay | undefined;
  let waiting: Event[] = [];

  const counted = (rule: string): { fired: number; would: number } => (rules[rule] ??= { fired: 0, would: 0 });
  const observe = (verdict: Verdict): void => {
    why.set(`${verdict.event}\n${verdict.rule}`, describeVerdict(verdict));
  };
  const take = (decision: Decision, also: ReadonlySet<string>, ts: string): void => {
    for (const [key, outcome] of outcomes(decision)) would.set(key, outcome);
    for (const { rule, activation } of decision.fired) {
      counted(rule).would += 1;
      if (!also.has(activation)) replay!.fact(finished(activation, ts));
    }
  };
  const decideUpTo = (last: string, ts: string, also: ReadonlySet<string>): void => {
    const now = Date.parse(ts);
    for (const event of waiting.filter(({ msg_id }) => msg_id <= last)) {
      known.set(event.msg_id, { ts: event.ts, type: event.type });
      take(replay!.decide(event, { now, observe }), also, ts);
    }
    waiting = waiting.filter(({ msg_id }) => msg_id > last);
  };

  for await (const event of events) {
    if (!replay && from(event)) replay = new Replay(compiled, { view, fold });
    if (!replay) {
      fold(view, event);
      continue;
    }
    if (!isBelieved(event)) continue;
    if (event.type !== 'ROUTED') {
      if (isDecidable(compiled, event)) waiting.push(event);
      else replay.fact(event);
      continue;
    }
    const routed = event.data as unknown as Routed;
    const also = new Set(routed.fired.map(({ activation }) => activation));
    if (routed.events > 0) decideUpTo(routed.last ?? event.msg_id, event.ts, also);
    else take(replay.due(Date.parse(event.ts)), also, event.ts);
    for (const [key, outcome] of outcomes(routed)) if (known.has(key.split('\n')[0]!)) was.set(key, outcome);
    for (const { rule } of routed.fired) counted(rule).fired += 1;
  }

  const differences: Difference[] = [];
  for (const key of new Set([...was.keys(), ...would.keys()])) {
    const [id = '', rule = ''] = key.split('\n');
    const before = was.get(key) ?? NOTHING;
    const after = would.get(key) ?? NOTHING;
    const reason = why.get(key);
    if (before !== after)
      differences.push({
        event: id,
        ...(known.get(id) ?? { ts: '', type: '' }),
        rule,
        was: before,
        would: after,
        ...(reason === undefined ? {} : { why: reason }),
      });
  }
  differences.sort((a, b) => (a.event < b.event ? -1 : a.event > b.event ? 1 : 0));
  return { events: known.size, differences, rules };
};

const finished = (activation: string, ts: string): Event => ({
  msg_id: '',
  ts,
  type: 'HANDLER_FINISHED',
  project_id: 'default',
  source: 'simulate',
  parents: [],
  depth: 0,
  data: { activation, status: 'completed', exit: 0 },
  trust: 'full',
  body: '',
  sealed: true,
  authentic: true,
});
