import { isBelieved, type Event } from '../core/event.js';
import type { Window } from '../core/flow/window.js';
import type { LedgerView, Routed } from '../core/ledger-view.js';
import type { RuleTable } from '../core/rule.js';
import type { Decision } from './batch.js';
import { compileTable } from './compile.js';
import { differenceOf, keyOf, outcomes, reasonOf, type Outcome } from './outcome.js';
import { Replay } from './replay.js';
import { isDecidable } from './decidable.js';
import type { Verdict } from './verdict.js';

/** What one rule said to one event: `fired`, `held`, `suppressed: throttled`, `error`, or `no match`. */
export interface Difference {
  event: string;
  ts: string;
  type: string;
  rule: string;
  was: string;
  would: string;
  /** Why, by the new table; of two starts, in what they differ. */
  why?: string;
}

export interface Simulation {
  events: number;
  /** RFC 3339, of the first and the last of them. */
  first?: string;
  last?: string;
  differences: Difference[];
  /** Every rule that starts something, or is in the table: its starts, and how many of its decisions differ. */
  rules: Record<string, { fired: number; would: number; differ: number }>;
  /** What nobody can know from the bus, counted. */
  unknown: {
    /** Starts that only the new table makes: they are taken to end at once and to cost nothing. */
    assumed: number;
    /** Events that came of starts which the new table does not make; they are decided all the same. */
    caused: number;
    /** Events that no table has decided yet; they are left out. */
    undecided: number;
  };
}

export interface Simulating {
  events: AsyncIterable<Event>;
  fold: (view: LedgerView, event: Event) => void;
  view: LedgerView;
  table: RuleTable;
  /** Whether to begin with this event; what was before is only folded. */
  from: (event: Event) => boolean;
  /** Ms: windows that are due by then are decided, too. */
  now: number;
}

const NOTHING = 'no match';

/** What may be told of a decision; that a rule does not match is told only where it did. */
const MATCHED: readonly Verdict['verdict'][] = ['fired', 'held', 'suppressed', 'error'];

/**
 * Decides the recorded bus anew and says what would differ. What happened because of the decisions then stays as it was; what
 * only the new table starts is taken to end at once.
 */
export const simulate = async ({ events, fold, view, table, from, now }: Simulating): Promise<Simulation> => {
  const compiled = compileTable(table);
  const was = new Map<string, Outcome>();
  const would = new Map<string, Outcome>();
  /** Why the new table says what it does. */
  const reasons = new Map<string, string>();
  const known = new Map<string, { ts: string; type: string }>();
  /** Windows as the recorded decisions left them. */
  const windows = new Map<string, Window>();
  /** Events said within a task, by task. */
  const within = new Map<string, number>();
  /** Tasks of starts that only one of both makes, by activation. */
  const starts = { was: new Map<string, string>(), would: new Map<string, string>() };
  /** Of each rule that the new table does not have, the last table that decided by it. */
  const tables = new Map<string, string>();
  /** What was said since it was last looked at. */
  let fresh: string[] = [];
  const rules: Simulation['rules'] = {};
  let replay: Replay | undefined;
  let waiting: Event[] = [];

  const counted = (rule: string) => (rules[rule] ??= { fired: 0, would: 0, differ: 0 });
  for (const { id } of table.rules) counted(id);
  const observe = (verdict: Verdict): void => {
    const key = keyOf(verdict.event, verdict.rule);
    if (MATCHED.includes(verdict.verdict) || was.has(key)) reasons.set(key, reasonOf(verdict));
  };
  const hear = (routed: Pick<Routed, 'fired' | 'held' | 'suppressed' | 'errors'> & { table?: string }): void => {
    for (const [key, outcome] of outcomes(routed)) {
      was.set(key, outcome);
      fresh.push(key);
      const rule = key.slice(key.indexOf('\n') + 1);
      if (routed.table !== undefined && !compiled.byId.has(rule)) tables.set(rule, routed.table);
    }
    for (const fired of routed.fired) {
      counted(fired.rule).fired += 1;
      if (!starts.would.delete(fired.activation)) starts.was.set(fired.activation, taskOf(fired));
    }
  };
  const take = (decision: Decision, ts: string): void => {
    for (const [key, outcome] of outcomes(decision)) {
      would.set(key, outcome);
      fresh.push(key);
    }
    for (const fired of decision.fired) {
      counted(fired.rule).would += 1;
      if (starts.was.delete(fired.activation)) continue;
      starts.would.set(fired.activation, taskOf(fired));
      replay!.fact(finished(fired.activation, ts));
    }
  };
  /** What both say alike is not kept; but what is held may come to more. */
  const forget = (): void => {
    for (const key of fresh) {
      const [before, after] = [was.get(key), would.get(key)];
      if (before?.said === 'held' || differenceOf(before, after) !== undefined) continue;
      was.delete(key);
      would.delete(key);
      reasons.delete(key);
    }
    fresh = [];
  };
  const decideUpTo = (last: string, ts: string): void => {
    const decided = waiting.filter(({ msg_id }) => msg_id <= last);
    waiting = waiting.filter(({ msg_id }) => msg_id > last);
    for (const event of decided) {
      known.set(event.msg_id, { ts: event.ts, type: event.type });
      if (event.task_id !== undefined) within.set(taskOf(event), (within.get(taskOf(event)) ?? 0) + 1);
      take(replay!.decide(event, { now: Date.parse(ts), observe }), ts);
    }
  };

  for await (const event of events) {
    if (!replay && from(event)) {
      for (const [id, window] of view.windows.entries()) windows.set(id, window);
      replay = new Replay(compiled, { view, fold });
    }
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
    hear(routed);
    for (const [id, window] of Object.entries(routed.windows ?? {}))
      if (window) windows.set(id, window);
      else windows.delete(id);
    if (routed.events > 0) decideUpTo(routed.last ?? event.msg_id, event.ts);
    else take(replay.due(Date.parse(event.ts)), event.ts);
    forget();
  }
  if (replay) {
    const last = replay.due(now);
    // What waits by the recorded decisions as well starts by them as well.
    const open = [...windows.values()].flatMap(({ due = Infinity, signal, rule }) =>
      due <= now && signal ? [keyOf(signal.last, rule)] : [],
    );
    const { fired, held, suppressed, errors } = last;
    const isOpen = ({ event, rule }: { event: string; rule: string }): boolean => open.includes(keyOf(event, rule));
    hear({
      fired: fired.filter(isOpen),
      held: (held ?? []).filter(isOpen),
      suppressed: suppressed.filter(isOpen),
      errors: errors.filter(isOpen),
    });
    take(last, new Date(now).toISOString());
  }

  const differences: Difference[] = [];
  for (const key of new Set([...was.keys(), ...would.keys()])) {
    const [id = '', rule = ''] = key.split('\n');
    const about = known.get(id);
    const [before, after] = [was.get(key), would.get(key)];
    const difference = differenceOf(before, after);
    if (!about || difference === undefined) continue;
    const reason =
      difference ||
      (compiled.byId.has(rule) ? reasons.get(key) : `it was in table ${tables.get(rule)}, and is not in this one`);
    counted(rule).differ += 1;
    differences.push({
      event: id,
      ...about,
      rule,
      was: before?.said ?? NOTHING,
      would: after?.said ?? NOTHING,
      ...(reason === undefined ? {} : { why: reason }),
    });
  }
  differences.sort((a, b) => (a.event < b.event ? -1 : a.event > b.event ? 1 : 0));
  const times = [...known.values()].map(({ ts }) => ts);
  return {
    events: known.size,
    ...(times.length === 0 ? {} : { first: times[0]!, last: times.at(-1)! }),
    differences,
    rules,
    unknown: {
      assumed: starts.would.size,
      caused: [...starts.was.values()].reduce((sum, task) => sum + (within.get(task) ?? 0), 0),
      undecided: waiting.length,
    },
  };
};

const taskOf = ({ project_id, task_id = '' }: { project_id: string; task_id?: string }): string =>
  `${project_id}/${task_id}`;

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
