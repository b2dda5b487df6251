import type { ParallelStep } from '../../core/handler.js';
import { Barriers } from '../barriers.js';
import type { Call } from '../context.js';
import { failureOf } from '../failure-of.js';
import { grouped, sideBySide } from '../group-result.js';
import { inLane } from '../isolated.js';
import { inLanes } from '../lanes.js';
import { completed, visible, type Outcome } from '../scope.js';

/** All lanes run to their end and then the first failure fails the step; or that at once, where it says `fail_fast`. */
export const runParallel = async ({ context, step, path, frame }: Call<ParallelStep>): Promise<Outcome> => {
  const barriers = new Barriers();
  const results = await inLanes(
    step.steps.length,
    step.max_concurrent,
    { stop: frame.stop, rest: context.rest },
    async (index, stop) => {
      const lane = step.steps[index]!;
      const name = lane.id ?? String(index);
      const at = `${path}.${name}`;
      const outcome = await inLane(context, { ...frame, stop, barriers }, at, (own) => context.run(lane, at, own));
      if (outcome.status === 'failed') barriers.break(`the lane "${name}" failed`);
      return { lane, outcome, path: at };
    },
    ({ lane, outcome }) => step.fail_fast && outcome.status === 'failed' && lane.on_error === 'fail',
  );
  const succeeded = results.filter((one) => one?.outcome.status === 'completed' || one?.outcome.status === 'skipped');
  const isEnough = step.at_least !== undefined && succeeded.length >= step.at_least;
  const failure = results.find((one) => one?.outcome.status === 'failed' && one.lane.on_error === 'fail');
  const lanes = results.map((one, index) => {
    const name = step.steps[index]!.name ?? step.steps[index]!.id ?? String(index);
    return { name, ...visible(one?.outcome ?? { status: 'skipped', attempts: 0, output: '', exit: 0 }) };
  });
  const outcome: Outcome = {
    ...completed(
      sideBySide(results.map((one, index) => ({ name: lanes[index]!.name, output: one?.outcome.output ?? '' }))),
      { lanes },
    ),
    ...(failure && !isEnough ? failureOf(failure.lane, failure.path, failure.outcome) : {}),
  };
  return grouped(step.result, outcome, frame, context.ports.nonce());
};
