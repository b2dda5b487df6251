import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { mapOf, mapShape, splitOf } from '../syntax/kernel/map.js';
import { common, commonOf, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { scoped, work, workerSchema } from './worker.js';

/** Map-reduce: the same steps for each item, then one that makes a whole of what they gave. */
export const reduce: Pattern = {
  keys: ['reduce'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        map: mapShape(step),
        reduce: z.union([
          z.strictObject({ by: workerSchema(step), prompt: templateSchema.optional() }),
          workerSchema(step),
        ]),
      })
      .transform(({ map, reduce: given, ...one }): Step => {
        const { by, prompt } = typeof given === 'object' && 'by' in given ? given : { by: given, prompt: undefined };
        const split = splitOf(map);
        const results = '{{ steps.items.output | fence }}';
        return scoped(commonOf(one), [
          ...(split ? [split] : []),
          { kind: 'map', id: 'items', on_error: 'fail', ...mapOf(map) },
          work(by, {
            id: 'reduce',
            prompt:
              prompt ?? `Combine these results into one report: what they have in common, and totals.\n\n${results}`,
            env: { RESULTS: '{{ steps.items.output }}' },
          }),
        ]);
      }),
};
