/** Random handlers, each killed at a random write to the bus and then carried on: their effects are those of an undisturbed run. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { withCrash, withoutCrash } from '../pipeline/crash-at-any-point.js';
import { trees } from '../pipeline/trees.js';
import type { Chaos } from './run.js';

const ROUNDS = 10;

const chaos: Chaos = async ({ seed, log }) => {
  const cases = fc.sample(fc.tuple(trees, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), {
    numRuns: ROUNDS,
    seed,
  });
  let steps = 0;
  for (const [tree, where, before] of cases) {
    const { effects, writes } = await withoutCrash(tree);
    const at = 1 + Math.floor(where * (writes - 2));
    const found = await withCrash(tree, at, before ? 'before' : 'after');
    if (!isDeepStrictEqual(found, effects))
      throw new Error(
        `a crash ${before ? 'before' : 'after'} write ${at} of ${JSON.stringify(tree)} gave ${JSON.stringify(found)}, not ${JSON.stringify(effects)}`,
      );
    steps += effects.steps.length;
  }
  log(`${ROUNDS} handlers of ${steps} steps in all were killed once each; every effect was there once`);
};
export default chaos;
