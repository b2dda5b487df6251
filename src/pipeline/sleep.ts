import type { Step } from '../core/handler.js';
import type { Call } from './context.js';

/** Waits until a moment that is remembered, so that a restart does not begin anew. At once where it is over already. */
export const sleep = async ({ context, frame }: Call<Step>, path: string, ms: number): Promise<void> => {
  if (context.activation.steps.has(path) || frame.replay) return;
  const until = context.activation.started.get(path)?.until ?? new Date(context.ports.clock.now() + ms).toISOString();
  if (!context.activation.started.has(path))
    await context.journal.commit(
      context.fact(
        'STEP_STARTED',
        { activation: context.id, step: path, kind: 'timer', until },
        `waits until ${until}`,
      ),
    );
  await context.wakes.wait([], () => undefined, Date.parse(until), [frame.stop, context.drain]);
  context.journal.defer(
    context.fact(
      'STEP_FINISHED',
      { activation: context.id, step: path, status: 'completed', attempts: 1, output: '', exit: 0 },
      `step ${path} completed`,
    ),
  );
};
