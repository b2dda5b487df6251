import { ConductorError } from '../../core/errors.js';
import type { CallStep, Handler } from '../../core/handler.js';
import type { Call, Context } from '../context.js';
import { forTemplate, type Outcome } from '../scope.js';
import { render, renderDeep } from '../template.js';

const DEEPEST = 16;

/** The tree that it began with, whatever the file holds by now. */
const treeOf = ({ context, path }: Call<CallStep>, name: string): Handler => {
  const before = context.activation.started.get(path);
  const handler = before?.hash === undefined ? context.handlers.find(name) : context.handlers.byHash(before.hash);
  if (!handler)
    throw new ConductorError(
      'unknown_handler',
      `there is no handler "${name}"${before?.hash ? ' as it was begun' : ''}`,
    );
  if (before?.hash === undefined) begin(context, path, handler);
  return handler;
};

const begin = (context: Context, path: string, { name, hash }: Handler): void =>
  context.journal.defer(
    context.fact(
      'STEP_STARTED',
      { activation: context.id, step: path, kind: 'call', handler: name, hash },
      `step ${path} calls ${name}`,
    ),
  );

export const runCall = async (call: Call<CallStep>): Promise<Outcome> => {
  const { context, step, path, frame } = call;
  const nonce = context.ports.nonce();
  const name = render(step.handler, forTemplate(frame.variables), nonce);
  if (frame.calls.length >= DEEPEST)
    throw new ConductorError('too_deep', `handlers call each other ${DEEPEST} deep: ${frame.calls.join(' → ')}`);
  const handler = treeOf(call, name);
  const given = renderDeep(step.with, forTemplate(frame.variables), nonce) as Record<string, unknown>;
  const { event, task } = frame.variables;
  return context.runAll(handler.steps, `${path}.`, {
    ...frame,
    handler,
    calls: [...frame.calls, name],
    variables: { event, task, with: given, steps: {} },
  });
};
