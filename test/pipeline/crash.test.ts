import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withCrash, withoutCrash } from './crash-at-any-point.js';
import { trees } from './trees.js';

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
