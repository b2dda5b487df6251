import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PATTERNS } from '../../src/pipeline/patterns/index.js';
import { createStepSchema } from '../../src/pipeline/syntax/step.js';
import { kernelKinds } from '../../src/pipeline/syntax/kernel/index.js';
import { withCrash, withoutCrash } from './crash-at-any-point.js';
import { keysIn, trees } from './trees.js';

test('the random trees hold every pattern and every step of the kernel', () => {
  const found = new Set(keysIn(fc.sample(trees, { numRuns: 300, seed: 1 })));
  const read = (): string => '';
  const kinds = Object.keys(kernelKinds(createStepSchema(read), read));
  const wanted = [...PATTERNS.flatMap(({ keys }) => keys), ...kinds];
  // A script is a shell step of a file; functions stand in the TypeScript handler that `call` names.
  const elsewhere = ['script', 'code'];
  assert.equal(
    wanted.filter((key) => !found.has(key) && !elsewhere.includes(key)),
    [],
  );
});

test('a crash at any point leaves the effects of a run without one', () =>
  fc.assert(
    fc.asyncProperty(trees, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), async (steps, where, before) => {
      const { effects, writes } = await withoutCrash(steps);
      const at = 1 + Math.floor(where * (writes - 2));
      assert.equal(await withCrash(steps, at, before ? 'before' : 'after'), effects, `a crash at write ${at}`);
    }),
    { numRuns: 4, seed: 20_261_121, endOnFailure: true, includeErrorInReport: true },
  ));

test.run();
