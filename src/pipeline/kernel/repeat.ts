import type { RepeatStep } from '../../core/handler.js';
import { holds } from '../condition.js';
import type { Call } from '../context.js';
import { grouped } from '../group-result.js';
import { failure, type Outcome, type Variables } from '../scope.js';
import { sleep } from '../sleep.js';

/** What an iteration said stays in sight of the next one. */
export const runRepeat = async (call: Call<RepeatStep>): Promise<Outcome> => {
  const { context, step, path } = call;
  for (let iteration = 1; ; iteration++) {
    // The steps are shared, the count is not: other lanes may repeat, too.
    const variables = { ...call.frame.variables, iteration };
    const frame = { ...call.frame, variables };
    const outcome = await context.runAll(step.steps, `${path}#${iteration}.`, frame);
    if (outcome.status === 'failed') return outcome;
    const met = holds(step.until, variables);
    const over = met || iteration >= step.max || (step.stop_when !== undefined && holds(step.stop_when, variables));
    if (!over) {
      if (step.delay > 0) await sleep(call, `${path}#${iteration}.delay`, step.delay);
      continue;
    }
    if (!met && step.on_max === 'fail')
      return failure(2, `"${step.until}" did not hold after ${iteration} iterations${lastSaid(step, variables)}`);
    const result = grouped(step.result, outcome, frame, context.ports.nonce());
    return { ...result, data: { iterations: iteration, met, last: result.data ?? {} } };
  }
};

const SAID_MAX = 400;

/** The end of what the last step printed: the validator's own words say why, the condition does not. */
const lastSaid = ({ steps }: RepeatStep, variables: Variables): string => {
  const { output = '', stderr = '' } = (variables.steps[steps.at(-1)?.id ?? ''] ?? {}) as Partial<Outcome>;
  const text = `${output}\n${stderr}`.trim();
  return text === '' ? '' : `; ${steps.at(-1)?.id} said:\n${text.slice(-SAID_MAX)}`;
};
