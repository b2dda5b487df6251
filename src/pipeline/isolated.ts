import { createHash } from 'node:crypto';
import type { Call, Context, Frame } from './context.js';
import type { Step } from '../core/handler.js';
import { folderOf } from './invocation.js';
import type { Outcome } from './scope.js';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** The same for the same step of an activation, so that a restart goes on where it was. */
const nameOf = (id: string, path: string): string => {
  const words = `${id}-${path}`.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-/, '');
  return `${words.slice(-120).replace(/^-/, '')}-${hashOf(id)}-${hashOf(path)}`;
};

/** Whether a step of the activation works, or worked, in the worktree. */
export const isWorktreeOf = (id: string, folder: string): boolean => folder.split('-').at(-2) === hashOf(id);

/** Those that steps left which never ended, for they were interrupted: nothing goes on there. */
export const closeWorktrees = async (
  { workspaces, log }: Pick<Context['ports'], 'workspaces' | 'log'>,
  id: string,
): Promise<void> => {
  for (const folder of (await workspaces.list()).filter((one) => isWorktreeOf(id, one))) {
    const closed = await workspaces.close(folder);
    if (!closed.removed) log.info(`the worktree ${folder} is kept: ${closed.reason}`);
  }
};

/**
 * The work in a git worktree of its own, which is taken away afterwards if nothing in it would be lost. One that is
 * interrupted is left as it is: it goes on there.
 */
const inWorktree = async (
  context: Context,
  frame: Frame,
  path: string,
  work: (frame: Frame) => Promise<Outcome>,
): Promise<Outcome> => {
  const { workspaces, log } = context.ports;
  const repository = folderOf(context, frame);
  const folder = await workspaces.open({ repository, name: nameOf(context.id, path) });
  const outcome = await work({ ...frame, folder });
  const closed = await workspaces.close(folder);
  if (closed.removed) return outcome;
  log.info(`the worktree ${folder} is kept: ${closed.reason}`);
  return { ...outcome, worktree: folder };
};

/** A lane of a `parallel` or an item of a `map` that is isolated. */
export const inLane = (
  context: Context,
  frame: Frame,
  path: string,
  work: (frame: Frame) => Promise<Outcome>,
): Promise<Outcome> => {
  const { lanes, ...own } = frame;
  return lanes === true && !frame.replay ? inWorktree(context, own, path, work) : work(own);
};

/** A step that says `isolate: worktree`: its steps share one, but for lanes, which get one each. */
export const isolated = (call: Call<Step>, work: (call: Call<Step>) => Promise<Outcome>): Promise<Outcome> => {
  const { context, step, path, frame } = call;
  if (step.isolate === undefined || frame.replay) return work(call);
  if (step.kind === 'parallel' || step.kind === 'map') return work({ ...call, frame: { ...frame, lanes: true } });
  return inWorktree(context, frame, path, (own) => work({ ...call, frame: own }));
};
