import { ConductorError } from '../../core/errors.js';
import { isReserved, normaliseType } from '../../core/event-type.js';
import type { EmitStep } from '../../core/handler.js';
import type { Call } from '../context.js';
import { completed, forTemplate, type Outcome } from '../scope.js';
import { render, renderDeep } from '../template.js';

/** Said once: a second time has the same dedupe key, and that key is believed only from us. */
export const runEmit = async ({ context, step, path, frame }: Call<EmitStep>): Promise<Outcome> => {
  await context.gate(frame.stop);
  const nonce = context.ports.nonce();
  const variables = forTemplate(frame.variables);
  const type = normaliseType(render(step.type, variables, nonce));
  if (isReserved(type)) throw new ConductorError('reserved_type', `${type} is said by the service only`);
  const spread =
    step.data_from === undefined
      ? {}
      : ((frame.variables.steps[step.data_from] as { data?: object } | undefined)?.data ?? {});
  const [receipt] = await context.journal.commit({
    ...context.fact(
      type,
      { ...(renderDeep(step.data ?? {}, variables, nonce) as Record<string, unknown>), ...spread },
      step.body === undefined ? '' : render(step.body, variables, nonce),
    ),
    source: `handler:${frame.handler.name}`,
    dedupe_key: `emit:${context.id}/${path}`,
  });
  return completed(receipt!.msg_id);
};
