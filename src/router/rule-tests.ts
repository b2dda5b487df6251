import { draftSchema, type Event } from '../core/event.js';
import { parseDuration } from '../core/duration.js';
import { ConductorError } from '../core/errors.js';
import type { LedgerView } from '../core/ledger-view.js';
import type { Rule, RuleTest } from '../core/rule.js';
import type { CompiledTable } from './compile.js';
import { describeVerdict } from './describe.js';
import { Replay } from './replay.js';
import type { Verdict } from './verdict.js';

export interface RuleTestResult {
  rule: string;
  name: string;
  ok: boolean;
  /** What came of it; with what was wanted where it is not that. */
  detail: string;
}

/** Examples have no time of their own, so they all happen now: ms. */
const BEGIN = Date.UTC(2026, 0, 1);

const eventOf = (given: Record<string, unknown>, rule: Rule, index: number): Event => {
  const { after, actor_kind, msg_id: _id, ts: _ts, sealed: _sealed, authentic: _authentic, ...rest } = given;
  const delay = after === undefined ? 0 : parseDuration(after as string | number);
  if (delay === undefined) throw new ConductorError('bad_request', `after: "${String(after)}" is no duration`);
  const draft = draftSchema.safeParse({ type: rule.on[0], ...rest });
  if (!draft.success) {
    const issue = draft.error.issues[0]!;
    throw new ConductorError('bad_request', `given[${index}].${issue.path.join('.')}: ${issue.message}`);
  }
  const { data: value } = draft;
  return {
    ...(Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as typeof value),
    msg_id: `MSG-TEST-${String(index).padStart(6, '0')}`,
    ts: new Date(BEGIN + delay).toISOString(),
    project_id: value.project_id ?? 'default',
    source: value.source ?? 'test',
    parents: value.parents ?? [],
    depth: value.depth ?? 0,
    data: value.data ?? {},
    trust: value.trust ?? 'full',
    body: value.body ?? '',
    ...(typeof actor_kind === 'string' ? { meta: { ...value.meta, actor_kind } } : {}),
    sealed: true,
    authentic: true,
  };
};

const wanted = (expect: RuleTest['expect']): string =>
  typeof expect === 'string'
    ? expect
    : [
        ...(expect.fires === undefined ? [] : [`fires: ${expect.fires}`]),
        ...(expect.because === undefined ? [] : [`because: ${expect.because}`]),
      ].join(', ');

const meets = (expect: RuleTest['expect'], fired: number, last: Verdict | undefined): boolean => {
  if (expect === 'fires') return fired > 0;
  if (typeof expect === 'string') return fired === 0 && last?.verdict === expect;
  const { fires, because } = expect;
  if (typeof fires === 'boolean' && fires !== fired > 0) return false;
  if (typeof fires === 'number' && fires !== fired) return false;
  return because === undefined || (last !== undefined && describeVerdict(last).includes(because));
};

/**
 * One example of a rule, decided by the whole table from nothing: `given` one after the other, then whatever is due.
 * @throws ConductorError `bad_request` when what is given is no event
 */
export const runRuleTest = (
  table: CompiledTable,
  rule: Rule,
  test: { name: string; given: readonly Record<string, unknown>[]; expect: RuleTest['expect'] },
  folding: { view: LedgerView; fold: (view: LedgerView, event: Event) => void },
): RuleTestResult => {
  const replay = new Replay(table, folding);
  let last: Verdict | undefined;
  let fired = 0;
  const observe = (verdict: Verdict): void => {
    if (verdict.rule !== rule.id) return;
    if (verdict.verdict === 'fired') fired += 1;
    last = verdict;
  };
  for (const [index, given] of test.given.entries()) {
    const event = eventOf(given, rule, index);
    last = {
      rule: rule.id,
      event: event.msg_id,
      verdict: 'no_match',
      clause: 'on',
      expected: rule.on,
      actual: event.type,
    };
    replay.decide(event, { observe });
  }
  for (let due = replay.next(); due !== undefined; due = replay.next())
    fired += replay.due(due).fired.filter((one) => one.rule === rule.id).length;
  const ok = meets(test.expect, fired, last);
  const came = fired > 0 ? `fired ${fired} times` : last ? `${last.verdict}: ${describeVerdict(last)}` : 'nothing';
  return { rule: rule.id, name: test.name, ok, detail: ok ? came : `wanted ${wanted(test.expect)}; ${came}` };
};
