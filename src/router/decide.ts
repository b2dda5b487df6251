import { setImmediate } from 'node:timers/promises';
import { isBelieved, type Event } from '../core/event.js';
import { single, type Signal } from '../core/flow/window.js';
import type { SuppressionReason } from '../core/ledger-view.js';
import { offBecause } from '../core/rule-state.js';
import { admit } from './admit.js';
import { newBatch, type Batch, type Deciding, type Decision } from './batch.js';
import type { CompiledRule } from './compiled-rule.js';
import { consider } from './consider.js';
import { expire, flow, type Flowed } from './flow.js';

const suppress = (batch: Batch, rule: string, event: string, reason: SuppressionReason, detail: string): void => {
  batch.decision.suppressed.push({ rule, event, reason, detail });
  batch.observe?.({ rule, event, verdict: 'suppressed', reason, detail });
};

const start = (batch: Batch, compiled: CompiledRule, event: Event, signal: Signal): void => {
  const admitted = admit(batch, compiled, event, signal);
  if (!('fired' in admitted)) return suppress(batch, compiled.rule.id, event.msg_id, admitted.reason, admitted.detail);
  batch.decision.fired.push(admitted.fired);
  batch.observe?.({ rule: compiled.rule.id, event: event.msg_id, verdict: 'fired', fired: admitted.fired });
};

const conclude = (batch: Batch, compiled: CompiledRule, event: Event, flowed: Flowed): void => {
  const about = { rule: compiled.rule.id, event: event.msg_id };
  if ('signal' in flowed) return start(batch, compiled, event, flowed.signal);
  if ('dropped' in flowed) return suppress(batch, about.rule, about.event, flowed.reason, flowed.dropped);
  const held = { ...about, stage: flowed.stage, detail: flowed.held };
  batch.decision.held.push(held);
  batch.observe?.({ ...held, verdict: 'held' });
};

/** True when the rule matched, whatever held it back. */
const ask = (batch: Batch, compiled: CompiledRule, event: Event, at: number): boolean => {
  const considered = consider(batch, compiled, event, at);
  if (!considered.matched) return false;
  if ('suppressed' in considered) {
    suppress(batch, compiled.rule.id, event.msg_id, considered.suppressed, considered.detail);
    return true;
  }
  const signal = single(event.msg_id, at);
  conclude(batch, compiled, event, flow(batch, compiled, event, signal, considered.parts));
  return true;
};

/** Windows that are due by `at`, in the order of their time. */
const decideDue = (batch: Batch, at: number): void => {
  for (let due = batch.windows.next(); due && due.at <= at; due = batch.windows.next()) {
    const window = batch.windows.get(due.id)!;
    const last = window.signal?.last ?? '';
    const expired = expire(batch, due.id, window, due.at);
    if (expired === undefined) continue;
    if (typeof expired === 'string') {
      suppress(batch, window.rule, last, 'rule_gone', expired);
      continue;
    }
    const { compiled, event, flowed } = expired;
    const off = offBecause(compiled.rule, batch.view.rules.get(compiled.rule.id), due.at);
    if (off !== undefined) suppress(batch, compiled.rule.id, event.msg_id, 'rule_gone', off);
    else conclude(batch, compiled, event, flowed);
  }
};

const notAsked = (batch: Batch, { rule }: CompiledRule, event: Event, detail: string): void =>
  batch.observe?.({ rule: rule.id, event: event.msg_id, verdict: 'not_asked', detail });

const decideEvent = (batch: Batch, event: Event, at: number): void => {
  const { rules: all, backstops, candidates } = batch.table.ofType(event.type);
  // Whoever looks on wants to hear of all of them.
  const rules = batch.observe ? all : candidates(event);
  let matched = false;
  let stoppedBy: string | undefined;
  for (const compiled of rules) {
    if (stoppedBy !== undefined) {
      notAsked(batch, compiled, event, `rule ${stoppedBy} said stop`);
      continue;
    }
    if (!ask(batch, compiled, event, at)) continue;
    matched = true;
    if (!compiled.rule.stop) continue;
    stoppedBy = compiled.rule.id;
    if (!batch.observe) break;
  }
  for (const compiled of backstops) {
    if (matched) notAsked(batch, compiled, event, 'a backstop is asked only where no other rule matched');
    else ask(batch, compiled, event, at);
  }
};

function* eventByEvent(batch: Batch, events: readonly Event[], until?: number): Generator<undefined, Decision> {
  for (const event of events) {
    if (!isBelieved(event)) continue;
    const at = Date.parse(event.ts);
    decideDue(batch, at);
    decideEvent(batch, event, at);
    yield;
  }
  if (until !== undefined) decideDue(batch, until);
  return batch.decision;
}

/**
 * Decides events, in bus order, and what is due before each of them; `until` (ms of messages): what is due by then too. The
 * same events, table, facts and windows always give the same decision: router, explain, simulate and `rules test` all ask here.
 */
export const decide = (events: readonly Event[], deciding: Deciding, until?: number): Decision => {
  const steps = eventByEvent(newBatch(deciding, events), events, until);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
};

/** Ms at a time. */
const SLICE_MS = 5;

/** As `decide`, but conditions that take long stop nobody: between two events others may go on. `elapsed`: ms that pass. */
export const decideInSlices = async (
  events: readonly Event[],
  deciding: Deciding & { elapsed: () => number },
  until?: number,
): Promise<Decision> => {
  const steps = eventByEvent(newBatch(deciding, events), events, until);
  let began = deciding.elapsed();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (deciding.elapsed() - began < SLICE_MS) continue;
    await setImmediate();
    began = deciding.elapsed();
  }
};
