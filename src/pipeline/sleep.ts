import type { Step } from '../core/handler.js';
import type { Call } from './context.js';
import type { Resting } from './rest.js';

/** What `find` gives once it gives something, looked for after each event of the types; undefined when the time is over. */
export const waitFor = async <Found>(
  { context, frame }: Call<Step>,
  resting: Resting,
  find: () => Found | undefined,
): Promise<Found | undefined> => {
  const { types, until } = resting;
  return (
    find() ?? context.rest.wait(resting, () => context.wakes.wait(types, find, until, [frame.stop, context.drain]))
  );
};

/** RFC 3339. */
export const untilMoment = async (call: Call<Step>, until: string): Promise<void> => {
  await waitFor(call, { types: [], until: Date.parse(until) }, () => undefined);
};

/** Waits until a moment that is remembered, so that a restart does not begin anew. At once where it is over already. */
export const sleep = async (call: Call<Step>, path: string, ms: number): Promise<void> => {
  const { context, frame } = call;
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
  await untilMoment(call, until);
  context.journal.defer(
    context.fact(
      'STEP_FINISHED',
      { activation: context.id, step: path, status: 'completed', attempts: 1, output: '', exit: 0 },
      `step ${path} completed`,
    ),
  );
};
