import { ConductorError } from '../core/errors.js';
import { isBelieved, type Event } from '../core/event.js';
import { Windows } from '../core/flow/windows.js';
import type { Fired, LedgerView, Routed } from '../core/ledger-view.js';
import type { RuleTable } from '../core/rule.js';
import { compileTable } from './compile.js';
import { decide } from './decide.js';
import { Courses, type Progress } from './progress.js';
import type { Verdict } from './verdict.js';

/**
 * A start that holds the event, of a debounce, a threshold, a correlation; that it was kept from; or that it came to no
 * good end.
 */
export type Later =
  | { ts: string; fired: Fired; progress?: Progress }
  | { ts: string; suppressed: Routed['suppressed'][number] }
  | { ts: string; ended: { rule: string; status: string; detail: string } };

export interface Explanation {
  event: Event;
  /** RFC 3339, when it was decided; missing: it is not decided yet, and this is what would be. */
  decided?: string;
  /** Of the table that decided it. */
  table: string;
  /** That table is no longer known: clauses are those of the table now. */
  approximate: boolean;
  /** Every rule, in the order of the table. */
  verdicts: Verdict[];
  /** What became of it later, oldest first. */
  later: Later[];
}

export interface Explaining {
  events: AsyncIterable<Event>;
  fold: (view: LedgerView, event: Event) => void;
  view: LedgerView;
  current: RuleTable;
  tableOf: (hash: string) => Promise<RuleTable | undefined>;
  /** Ms. */
  now: number;
}

/** What the record says is what was; deciding anew only adds the clauses of rules that did not match. */
const recorded = (routed: Routed | undefined, event: string): Verdict[] =>
  routed === undefined
    ? []
    : [
        ...routed.fired
          .filter((one) => one.event === event || one.folded?.events.includes(event))
          .map((fired): Verdict => ({ rule: fired.rule, event, verdict: 'fired', fired })),
        ...(routed.held ?? [])
          .filter((one) => one.event === event)
          .map((one): Verdict => ({ ...one, verdict: 'held' })),
        ...routed.suppressed
          .filter((one) => one.event === event)
          .map((one): Verdict => ({ ...one, verdict: 'suppressed' })),
        ...routed.errors.filter((one) => one.event === event).map((one): Verdict => ({ ...one, verdict: 'error' })),
      ];

const explainNow = (
  { view, now }: { view: LedgerView; now: number },
  table: RuleTable,
  batch: readonly Event[],
  event: Event,
): Verdict[] => {
  const compiled = compileTable(table);
  const verdicts = new Map<string, Verdict>();
  const observe = (verdict: Verdict): void => {
    if (verdict.event === event.msg_id && !verdicts.has(verdict.rule)) verdicts.set(verdict.rule, verdict);
  };
  const windows = Windows.of(structuredClone([...view.windows.entries()]));
  decide(batch, { table: compiled, view, windows, health: new Map(), now, observe });
  return table.rules.map(
    ({ id, on }): Verdict =>
      verdicts.get(id) ?? {
        rule: id,
        event: event.msg_id,
        verdict: 'no_match',
        clause: 'on',
        expected: on.length === 1 ? on[0] : on,
        actual: event.type,
      },
  );
};

/** A window that held the event ends there: what its start was kept from, the event was, too. */
const concerns = (view: LedgerView, { suppressed, windows }: Routed, msg_id: string): Routed['suppressed'] => {
  const ended = new Set<string>();
  for (const [id, { rule, signal }] of view.windows.entries())
    if (signal?.events.includes(msg_id) && id in windows && !windows[id]?.signal?.events.includes(msg_id))
      ended.add(rule);
  return suppressed.filter(({ event, rule }) => event === msg_id || ended.has(rule));
};

/** Of what came in bus order. */
function* upTo(events: Iterable<Event>, last: string | undefined): Generator<Event> {
  for (const event of events) {
    if (last !== undefined && event.msg_id > last) return;
    yield event;
  }
}

/** What every rule said to one event, and why. Reads the bus once, from its beginning. @throws ConductorError `not_found` */
export const explain = async (msg_id: string, explaining: Explaining): Promise<Explanation> => {
  const { events, fold, view, current, tableOf } = explaining;
  let event: Event | undefined;
  let found: Omit<Explanation, 'later'> | undefined;
  const later: Later[] = [];
  const started = new Map<string, Fired>();
  const courses = new Courses();
  const explainWith = async (
    routed: Routed | undefined,
    ts: string | undefined,
  ): Promise<Omit<Explanation, 'later'>> => {
    const then = routed === undefined ? current : await tableOf(routed.table);
    const table = then ?? (routed?.table === current.hash ? current : undefined);
    const batch = [...upTo(view.undecided.values(), routed?.last), ...upTo(view.facts.values(), routed?.last)];
    batch.sort((a, b) => (a.msg_id < b.msg_id ? -1 : 1));
    const now = ts === undefined ? explaining.now : Date.parse(ts);
    const verdicts = explainNow({ view, now }, table ?? current, batch, event!);
    const said = recorded(routed, msg_id);
    return {
      event: event!,
      ...(ts === undefined ? {} : { decided: ts }),
      table: routed?.table ?? current.hash,
      approximate: table === undefined,
      verdicts: [
        ...verdicts.map((verdict) => said.find(({ rule }) => rule === verdict.rule) ?? verdict),
        ...said.filter(({ rule }) => !verdicts.some((verdict) => verdict.rule === rule)),
      ],
    };
  };
  for await (const one of events) {
    if (one.msg_id === msg_id) event = one;
    if (one.type === 'ROUTED' && isBelieved(one) && event) {
      const routed = one.data as unknown as Routed;
      const fires = routed.fired.filter(({ event: of, folded }) => of === msg_id || folded?.events.includes(msg_id));
      for (const fired of fires) started.set(fired.activation, fired);
      if (!found && routed.events > 0 && (routed.last ?? one.msg_id) >= msg_id)
        found = await explainWith(routed, one.ts);
      else if (found) {
        for (const fired of fires) later.push({ ts: one.ts, fired });
        for (const suppressed of concerns(view, routed, msg_id)) later.push({ ts: one.ts, suppressed });
      }
    }
    if (one.type === 'HANDLER_FINISHED' && isBelieved(one)) {
      const { activation, status, error } = one.data as { activation: string; status: string; error?: string };
      const fired = started.get(activation);
      if (fired && status !== 'completed')
        later.push({ ts: one.ts, ended: { rule: fired.rule, status, detail: error ?? '' } });
    }
    if (isBelieved(one)) courses.on(one, (activation) => started.has(activation));
    fold(view, one);
  }
  if (!event) throw new ConductorError('not_found', `there is no message ${msg_id}`, { details: { msg_id } });
  const withProgress = <One extends object>(one: One): One => {
    const fired = 'fired' in one ? (one.fired as Fired) : undefined;
    const progress = fired && courses.of(view, fired.activation);
    return progress ? { ...one, progress } : one;
  };
  const { verdicts, ...rest } = found ?? (await explainWith(undefined, undefined));
  return { ...rest, verdicts: verdicts.map(withProgress), later: later.map(withProgress) };
};
