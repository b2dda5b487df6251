import type { TestScheduler } from 'rxjs/testing';
import { concatMap, from, map, type Observable } from 'rxjs';
import type { Event } from '../../src/core/event.js';
import { ruleFileSchema, type Rule } from '../../src/core/rule.js';
import { parseYamlFile } from '../../src/core/yaml-document.js';
import { emptyView, fold } from '../../src/ledger/fold.js';
import { withDeadlines } from '../../src/operators/with-deadlines.js';
import type { Decision } from '../../src/router/batch.js';
import { compileTable, type CompiledTable } from '../../src/router/compile.js';
import { Replay } from '../../src/router/replay.js';
import type { Verdict } from '../../src/router/verdict.js';

export const T0 = Date.UTC(2026, 10, 21);

export const rulesOf = (yaml: string): Rule[] => parseYamlFile('rules.yaml', yaml, ruleFileSchema).rules;
export const tableOf = (yaml: string): CompiledTable => compileTable({ hash: 'test', rules: rulesOf(yaml) });

let count = 0;
/** `at`: ms after the beginning of the test's day. Ids rise with each call. */
export const event = (type: string, data: Record<string, unknown> = {}, at = 0, more: Partial<Event> = {}): Event => ({
  msg_id: `MSG-${String(++count).padStart(8, '0')}`,
  ts: new Date(T0 + at).toISOString(),
  type,
  project_id: 'default',
  source: 'test',
  parents: [],
  depth: 0,
  data,
  trust: 'full',
  body: '',
  sealed: true,
  authentic: more.type !== undefined,
  ...more,
});

export const fact = (type: string, data: Record<string, unknown> = {}, at = 0): Event =>
  event(type, data, at, { type, authentic: true });

export const world = (yaml: string) => {
  const replay = new Replay(tableOf(yaml), { view: emptyView(), fold });
  const said = (decision: Decision) => ({
    fired: decision.fired.map(({ rule }) => rule),
    suppressed: decision.suppressed.map(({ rule, reason }) => `${rule}: ${reason}`),
    held: decision.held.map(({ rule, stage }) => `${rule}: ${stage}`),
    errors: decision.errors.map(({ rule }) => rule),
  });
  return {
    replay,
    view: replay.view,
    /** Decides one event; what is due before it, too. */
    on: (...of: Parameters<typeof event>) => said(replay.decide(event(...of))),
    decide: (one: Event) => replay.decide(one),
    due: (at: number) => said(replay.due(T0 + at)),
    fact: (type: string, data: Record<string, unknown> = {}, at = 0) => replay.fact(fact(type, data, at)),
    explain: (one: Event): Verdict[] => {
      const verdicts: Verdict[] = [];
      replay.decide(one, { observe: (verdict) => verdicts.push(verdict) });
      return verdicts;
    },
    finish: (activation: string, at = 0) =>
      replay.fact(fact('HANDLER_FINISHED', { activation, status: 'completed', exit: 0 }, at)),
  };
};

/** A letter is an event at its frame (1 ms); what comes out is how many events each start was made of, at its frame. */
export const flowing = (
  yaml: string,
  scheduler: TestScheduler,
  of: (letter: string) => [string, Record<string, unknown>],
) => {
  const replay = new Replay(tableOf(yaml), { view: emptyView(), fold });
  return (letters: Observable<string>): Observable<string> =>
    letters.pipe(
      withDeadlines(
        (letter: string | undefined) => {
          const now = scheduler.now();
          return from([letter === undefined ? replay.due(T0 + now) : replay.decide(event(...of(letter), now))]);
        },
        () => {
          const next = replay.next();
          return next === undefined ? undefined : next - T0;
        },
        { now: () => scheduler.now(), scheduler },
      ),
      concatMap(({ fired }) => fired),
      map(({ folded }) => String(folded?.count ?? 1)),
    );
};
