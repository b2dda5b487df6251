import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judgeTurn, type LoopState, type TurnEnd } from '../../src/core/loop.js';
import type { RunEnd } from '../../src/core/run.js';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const options = { max_restarts: 3, max_idle: 2, session: 'fresh' as const };
const begun: LoopState = { turn: 1, restarts: 0, usd: 0, crashes: 0, limited: 0, idle: 0, digest: 'a', since_id: '' };

const good: RunEnd = {
  ...{ kind: 'end', run_id: 'r', status: 'completed', exit: 0, exit_code: 0 },
  ...{ output: 'said', stderr: '', duration_ms: 1 },
};
const bad = (more: Partial<RunEnd> = {}): RunEnd => ({
  ...good,
  ...{ status: 'failed', exit: 1, class: 'transient', error_summary: 'it broke' },
  ...more,
});

/** The turns one after the other, each with its folder; the last verdict. */
const after = (
  ends: readonly Partial<TurnEnd>[],
  given: Partial<Parameters<typeof judgeTurn>[2]> = {},
  random = 0.5,
) => {
  let state = begun;
  for (const [index, one] of ends.entries()) {
    const turn = { end: good, done: false, digest: `${index}`, ...one };
    const verdict = judgeTurn(turn, state, { ...options, ...given }, { cwd: '/w', now: NOW, random });
    if ('over' in verdict || index === ends.length - 1) return verdict;
    state = verdict.state;
  }
  throw new Error('no turn');
};
const why = (verdict: ReturnType<typeof after>): string | undefined =>
  'over' in verdict ? verdict.over.error_summary : undefined;
const delay = (verdict: ReturnType<typeof after>): number => ('over' in verdict ? -1 : verdict.delay_ms);

test('DONE ends it well, whatever the turn itself came to', () => {
  const verdict = after([{ done: true, end: bad() }]);
  assert.equal('over' in verdict && [verdict.over.status, verdict.over.exit], ['completed', 0]);
});

test('a permanent failure ends it at once, a transient one begins the next turn', () => {
  assert.match(why(after([{ end: bad({ class: 'permanent', exit: 2 }) }])) ?? '', 'it broke');
  assert.is(why(after([{ end: bad() }])), undefined);
});

test('turns that change nothing are counted; one that failed is not accused of it', () => {
  const same = { digest: 'a' };
  assert.match(why(after([same, same])) ?? '', 'no progress: nothing in /w changed in 2 turns');
  assert.is(why(after([same, { ...same, end: bad() }])), undefined);
  assert.is(why(after([same, {}, same].map((one, at) => ({ ...one, digest: at === 0 ? 'a' : 'b' })))), undefined);
});

test('failures in a row wait longer and longer, ten of them end it', () => {
  const failed = (count: number) =>
    after(
      Array.from({ length: count }, () => ({ end: bad() })),
      { max_restarts: 50 },
      0.999,
    );
  assert.ok(delay(failed(1)) < 2_001);
  assert.ok(delay(failed(4)) > 15_000);
  assert.ok(delay(failed(9)) <= 300_000);
  assert.match(why(failed(10)) ?? '', 'it failed 10 times in a row: it broke');
});

test('at a full service it waits for the reset, and without one a minute and more; no restart is used up', () => {
  const limit = bad({ reason: 'rate_limit' });
  const reset = after([{ end: { ...limit, retry_at: '2026-11-21T15:00:00Z' } }]);
  assert.ok(delay(reset) >= 3 * 3_600_000 && delay(reset) < 3 * 3_600_000 + 1_000);
  assert.ok(delay(after([{ end: limit }], {}, 0)) >= 30_000, 'also where chance is against it');
  const many = after(Array.from({ length: 20 }, () => ({ end: limit, digest: 'a' })));
  assert.is(why(many), undefined);
  assert.ok(delay(many) <= 900_000);
  assert.is('state' in many && many.state.restarts, 0);
});

test('a run that its machine lost is begun again, and is no crash of the agent', () => {
  const verdict = after([{ end: bad({ reason: 'lost' }) }, { end: bad({ reason: 'never_started' }) }]);
  assert.equal('state' in verdict && [verdict.state.crashes, verdict.state.restarts], [0, 2]);
});

test('money is summed up, and restarts are counted', () => {
  const paid = { end: { ...good, cost_usd: 0.4 } };
  assert.match(why(after([paid, paid], { max_usd: 0.8 })) ?? '', 'the budget is used up: 0.80 of 0.8 USD');
  // With what its children cost; and where its agent was ended for it, too.
  const ended = bad({ class: 'permanent', reason: 'budget', cost_usd: 0.2, below: { usd: 0.3, tokens: 0 } });
  assert.match(why(after([paid, { end: ended }], { max_usd: 0.9 })) ?? '', 'the budget is used up: 0.90 of 0.9 USD');
  assert.match(why(after([{}, {}, {}, {}])) ?? '', 'not done after 3 restarts');
});

test('a session is kept only where it is to be resumed', () => {
  const told = { end: { ...good, session_id: 's' } };
  for (const session of ['resume', 'fresh'] as const) {
    const verdict = after([told], { session });
    assert.is('state' in verdict && verdict.state.session, session === 'resume' ? 's' : undefined);
  }
});

test.run();
