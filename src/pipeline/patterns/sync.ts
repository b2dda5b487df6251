import { z } from 'zod';
import { childrenOf, type Step } from '../../core/handler.js';
import { common, commonOf } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';

/** Where a lane waits for the others that name the same point. How many they are is put in by `sync`. */
export const syncPoint: Pattern = {
  keys: ['sync_point'],
  schema: () =>
    z.strictObject({ ...common, sync_point: z.string().min(1) }).transform(({ sync_point, ...one }): Step => ({
      ...commonOf(one),
      name: one.name ?? sync_point,
      kind: 'wait',
      for: { kind: 'barrier', name: sync_point, parties: 0 },
      on_timeout: 'fail',
    })),
};

const pointsIn = (step: Step): string[] =>
  step.kind === 'wait' && step.for.kind === 'barrier' ? [step.for.name] : childrenOf(step).flatMap(pointsIn);

const withParties = (step: Step, parties: ReadonlyMap<string, number>): Step => {
  if (step.kind === 'wait' && step.for.kind === 'barrier')
    return { ...step, for: { ...step.for, parties: parties.get(step.for.name) ?? 1 } };
  return step.kind === 'sequence' ? { ...step, steps: step.steps.map((one) => withParties(one, parties)) } : step;
};

/** Lanes that run apart, and meet where they name the same point. */
export const inLanesWithPoints = (one: object, lanes: readonly Step[], max_concurrent: number): Step => {
  const parties = new Map<string, number>();
  for (const lane of lanes)
    for (const point of new Set(pointsIn(lane))) parties.set(point, (parties.get(point) ?? 0) + 1);
  return {
    on_error: 'fail',
    ...one,
    kind: 'parallel',
    // A lane that waits must not keep the one out that it waits for.
    max_concurrent: parties.size > 0 ? Math.max(lanes.length, max_concurrent) : max_concurrent,
    fail_fast: false,
    steps: lanes.map((lane) => withParties(lane, parties)),
  };
};

/** True when a step below waits at a point. */
export const hasPoint = (step: Step, name: string): boolean => pointsIn(step).includes(name);

export const sync = {
  keys: ['sync'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        sync: z.strictObject({
          lanes: z.record(
            z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'a lane has a word for its name'),
            z.array(step).min(1),
          ),
        }),
      })
      .transform(({ sync: { lanes }, ...one }): Step => {
        const steps = Object.entries(lanes).map(([id, list]): Step => ({
          kind: 'sequence',
          id,
          on_error: 'fail',
          steps: list,
        }));
        return inLanesWithPoints(commonOf(one), steps, steps.length);
      }),
} satisfies Pattern;
