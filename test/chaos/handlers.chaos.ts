/** Random handlers, each killed at a random write to the bus and then carried on: their effects are those of an undisturbed run. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { withCrash, withoutCrash } from '../pipeline/crash-at-any-point.js';
import { keysIn, trees } from '../pipeline/trees.js';
import type { Chaos } from './run.js';

const ROUNDS = 15;
const SAMPLES = 300;
/** Larger ones say no more, and take minutes. */
const MOST_KEYS = 150;

type Case = [Record<string, unknown>[], number, boolean];

/** Of many, those that together hold every kind of step that any of them holds. */
const mostKinds = (samples: readonly Case[]): { cases: Case[]; missed: string[] } => {
  const left = new Set(samples.flatMap(([tree]) => keysIn(tree)));
  const cases: Case[] = [];
  const gain = ([tree]: Case): number => new Set(keysIn(tree).filter((key) => left.has(key))).size;
  while (cases.length < ROUNDS) {
    const rest = samples.filter((one) => !cases.includes(one));
    const best = rest.reduce((one, other) => (gain(other) > gain(one) ? other : one));
    cases.push(best);
    for (const key of keysIn(best[0])) left.delete(key);
  }
  return { cases, missed: [...left] };
};

const chaos: Chaos = async ({ seed, log }) => {
  const samples = fc
    .sample(fc.tuple(trees, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), { numRuns: SAMPLES, seed })
    .filter(([tree]) => keysIn(tree).length <= MOST_KEYS);
  const { cases, missed } = mostKinds(samples);
  if (missed.length > 0) throw new Error(`no handler of ${missed.join(', ')} was killed`);
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
  log(`${ROUNDS} handlers of ${steps} steps in all, of every kind, were killed once each; every effect was there once`);
};
export default chaos;
