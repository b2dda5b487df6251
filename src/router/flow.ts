import type { Event } from '../core/event.js';
import { Windows } from '../core/flow/windows.js';
import type { Outcome, Signal, StageName, Window } from '../core/flow/window.js';
import type { SuppressionReason } from '../core/ledger-view.js';
import { setWindow, type Batch } from './batch.js';
import type { CompiledRule, CompiledStage } from './compiled-rule.js';

export type Flowed =
  { signal: Signal } | { held: string; stage: StageName } | { dropped: string; reason: SuppressionReason };

const REASONS = {
  correlate: 'correlated',
  sustained: 'sustained',
  throttle: 'throttled',
  threshold: 'throttled',
  debounce: 'throttled',
  breaker: 'breaker',
} as const satisfies Record<StageName, SuppressionReason>;

/** Offers the signal to one stage and keeps what the stage remembers. */
export const offer = (
  batch: Batch,
  rule: string,
  { name, stage, key }: CompiledStage,
  event: Event,
  signal: Signal,
  parts: readonly number[] = [],
): Outcome => {
  const identity = { rule, stage: name, key: key(event) };
  const id = Windows.idOf(identity);
  const before = batch.windows.get(id);
  // An event that could be several parts is the one that is still missing.
  const part = parts.find((index) => !before?.seen?.includes(index)) ?? parts[0];
  const outcome = stage.offer(before, signal, part);
  if (outcome.window !== before) setWindow(batch, id, outcome.window && { ...identity, ...outcome.window }, signal.at);
  return outcome;
};

/** What it was counted by, so that a field that no event has is seen. */
const forWhom = ({ per, key }: CompiledStage, event: Event): string =>
  per === undefined ? '' : ` (${per.join(', ')}: ${key(event)})`;

/** Takes a signal through the rule's stages, from the one with this index on. */
export const flow = (
  batch: Batch,
  { rule, stages }: CompiledRule,
  event: Event,
  signal: Signal,
  parts: readonly number[] = [],
  from = 0,
): Flowed => {
  let current = signal;
  for (const stage of stages.slice(from)) {
    const outcome = offer(batch, rule.id, stage, event, current, parts);
    if (outcome.dropped !== undefined)
      return { dropped: `${outcome.dropped}${forWhom(stage, event)}`, reason: REASONS[stage.name] };
    if (outcome.held !== undefined) return { held: `${outcome.held}${forWhom(stage, event)}`, stage: stage.name };
    current = outcome.pass;
  }
  return { signal: current };
};

export interface Expired {
  compiled: CompiledRule;
  event: Event;
  flowed: Flowed;
}

/** A window at its due time: what it collected goes on through the later stages. A text says why nothing can start. */
export const expire = (batch: Batch, id: string, window: Window, due: number): Expired | string | undefined => {
  const compiled = batch.table.byId.get(window.rule);
  const index = compiled?.stages.findIndex(({ name }) => name === window.stage) ?? -1;
  const stage = compiled?.stages[index];
  if (!compiled || !stage) {
    setWindow(batch, id, undefined, due);
    return compiled ? `the rule has no ${window.stage} any more` : 'the rule is gone';
  }
  const outcome = stage.stage.expire(window, due);
  const { rule, key } = window;
  setWindow(batch, id, outcome.window && { rule, stage: window.stage, key, ...outcome.window }, due);
  if (!outcome.pass) return undefined;
  const signal = { ...outcome.pass, at: due };
  const event = batch.eventOf(signal.last) ?? batch.view.held.get(signal.last)?.event;
  if (!event) return 'its event is no longer known';
  return { compiled, event, flowed: flow(batch, compiled, event, signal, [], index + 1) };
};
