import { isMissingKey, isTooMuchWork, type Condition } from '../core/condition.js';
import type { Event } from '../core/event.js';
import { lineageIn, type Batch, type Health } from './batch.js';
import type { CompiledRule } from './compiled-rule.js';

/** A rule that errs so often in a row is taken out. */
const MOST_ERRORS = 20;
/** A condition that takes longer, so many times, is taken out. Ms. */
const SLOW = { ms: 50, times: 3 };
/** So many errors of a rule on events from outside are said one by one; further ones of the same hour at the 40th, 80th, 160th … */
const MOST_SAID = 20;
const HOUR_MS = 3_600_000;

const healthOf = ({ health }: Batch, rule: string): Health => {
  let of = health.get(rule);
  if (!of) health.set(rule, (of = { errors: 0, slow: 0, hour: { since: 0, errors: 0 } }));
  return of;
};

const takeOut = (batch: Batch, rule: string, reason: string): void => {
  batch.decision.out.push({ rule, reason });
  batch.health.delete(rule);
};

export const isOut = ({ decision: { out } }: Batch, rule: string): boolean =>
  out.length > 0 && out.some((one) => one.rule === rule);

/** Ms of evaluating it once more. */
const timeAgain = ({ elapsed }: Batch, when: Condition, event: Event): number => {
  const began = elapsed?.() ?? 0;
  when({ event });
  return (elapsed?.() ?? 0) - began;
};

/** Counts one more of the rule's hour. */
const countError = (health: Health, at: number): number => {
  const { since } = health.hour;
  if (at < since || at >= since + HOUR_MS) health.hour = { since: at, errors: 0 };
  return ++health.hour.errors;
};

const isSaid = (count: number): boolean => count <= MOST_SAID || Number.isInteger(Math.log2(count / MOST_SAID));

const erred = (batch: Batch, { id, when }: CompiledRule, event: Event, error: unknown): void => {
  const why = error instanceof Error ? error.message.split('\n')[0]! : String(error);
  const message = /dyn<double> . int/.test(why) ? `${why}; numbers of events are doubles: write 1.0, not 1` : why;
  const about = { rule: id, event: event.msg_id, message };
  batch.decision.errors.push(about);
  batch.observe?.({ ...about, verdict: 'error' });
  const health = healthOf(batch, id);
  const isFromOutside = lineageIn(batch, event).trust === 'outside';
  // Whatever comes from outside must not fill the bus, and what errs of our own is said all the same.
  const count = isFromOutside ? { count: countError(health, Date.parse(event.ts)) } : undefined;
  if (count === undefined || isSaid(count.count)) batch.decision.dead.push({ ...about, ...count });
  // What an event lacks or has too much of is no fault of the rule; nor is what outsiders send to one that works for others.
  if (isMissingKey(error) || isTooMuchWork(error) || (isFromOutside && health.sound === when)) return;
  health.errors += 1;
  if (health.errors >= MOST_ERRORS) takeOut(batch, id, `it erred ${health.errors} times in a row: ${message}`);
};

/** Whether the condition holds: true, false, or undefined when it erred. */
export const holds = (batch: Batch, compiled: CompiledRule, event: Event): boolean | undefined => {
  const { id, when } = compiled;
  if (!when) return true;
  const began = batch.elapsed?.() ?? 0;
  try {
    const result = when({ event });
    let took = (batch.elapsed?.() ?? 0) - began;
    const health = healthOf(batch, id);
    // It may be the machine that stood still, and not the condition that is slow.
    if (took > SLOW.ms) took = Math.min(took, timeAgain(batch, when, event));
    if (took > SLOW.ms) {
      health.slow += 1;
      if (health.slow >= SLOW.times)
        takeOut(batch, id, `its condition took ${took} ms, ${health.slow} times over ${SLOW.ms} ms`);
    }
    health.errors = 0;
    health.sound = when;
    return result;
  } catch (error) {
    erred(batch, compiled, event, error);
    return undefined;
  }
};
