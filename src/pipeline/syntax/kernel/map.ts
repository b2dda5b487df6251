import { z } from 'zod';
import type { Items, Step } from '../../../core/handler.js';
import { celSchema, common, commonOf, templateSchema, templatesSchema } from '../parts.js';
import type { StepSchema } from '../schema.js';
import { resultSchema, width } from './shared.js';

/** What a map goes over, and what it does with each. */
export const mapShape = (step: StepSchema) =>
  z
    .strictObject({
      /** A list, or CEL that gives one. */
      items: z.union([celSchema, z.array(templatesSchema)]).optional(),
      glob: z.union([templateSchema, z.array(templateSchema).min(1)]).optional(),
      /** A command whose lines are the items. */
      split: z.string().min(1).optional(),
      cwd: templateSchema.optional(),
      max_concurrent: width,
      fail_fast: z.boolean().default(false),
      at_least: z.int().min(0).optional(),
      steps: z.array(step).min(1),
      result: resultSchema.optional(),
    })
    .refine(
      (map) => [map.items, map.glob, map.split].filter((one) => one !== undefined).length === 1,
      'give one of "items", "glob" and "split"',
    );

/** The step whose lines a map goes over. */
export const splitOf = (map: z.output<ReturnType<typeof mapShape>>): Step | undefined =>
  map.split === undefined
    ? undefined
    : { kind: 'shell', id: 'split', on_error: 'fail', output: 'lines', env: {}, script: map.split };

export const mapOf = (map: z.output<ReturnType<typeof mapShape>>) => {
  const items: Items =
    map.split !== undefined
      ? { from: 'steps.split.data' }
      : map.glob !== undefined
        ? { glob: [map.glob].flat(), ...(map.cwd === undefined ? {} : { cwd: map.cwd }) }
        : typeof map.items === 'string'
          ? { from: map.items }
          : { list: map.items ?? [] };
  return {
    items,
    max_concurrent: map.max_concurrent,
    fail_fast: map.fail_fast,
    steps: map.steps,
    ...(map.at_least === undefined ? {} : { at_least: map.at_least }),
    ...(map.result ? { result: map.result } : {}),
  };
};

export const map = (step: StepSchema) =>
  z.strictObject({ ...common, map: mapShape(step) }).transform(({ map: given, ...one }): Step => {
    const split = splitOf(given);
    const each: Step = { ...commonOf(split ? {} : one), kind: 'map', ...mapOf(given) };
    return split ? { ...commonOf(one), kind: 'sequence', scoped: true, steps: [split, each] } : each;
  });
