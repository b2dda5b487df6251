import { parseArgs, type ParseArgsConfig } from 'node:util';
import { ConductorError } from '../../core/errors.js';
import { isId } from '../../bus/fields.js';

export const COMMON = {
  root: { type: 'string' },
  'project-id': { type: 'string' },
  project: { type: 'string' },
  'task-id': { type: 'string' },
  task: { type: 'string' },
  'run-id': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

export const usage = (message: string, cause?: unknown): ConductorError =>
  new ConductorError('usage', message, { cause });

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

export const parse = <T extends Options>(args: string[], options: T): Parsed<T> => {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error), error);
  }
};

/** An empty variable is as good as none. */
export const env = (name: string): string | undefined => process.env[name] || undefined;
export const rootOf = (given: string | undefined): string => given ?? env('CONDUCTOR_ROOT') ?? 'runs';

/** Resolves when the text is on its way: a slow reader of our output holds us back, not our memory. */
export const say = (text: string): Promise<void> =>
  new Promise((resolve) => {
    // Whoever reads us may stop at any time, as `head` does.
    if (process.stdout.listenerCount('error') === 0)
      process.stdout.on('error', (error: NodeJS.ErrnoException) => {
        process.exit(error.code === 'EPIPE' ? 0 : 1);
      });
    process.stdout.write(text, () => {
      resolve();
    });
  });

/** Project and task as the options say, checked. */
export const scopeOf = (values: {
  'project-id'?: string | undefined;
  project?: string | undefined;
  'task-id'?: string | undefined;
  task?: string | undefined;
}): { project_id?: string; task_id?: string } => {
  const project_id = values['project-id'] ?? values.project;
  const task_id = values['task-id'] ?? values.task;
  for (const id of [project_id, task_id])
    if (id !== undefined && !isId(id))
      throw new ConductorError(
        'bad_request',
        `"${String(id)}": an id begins with a letter or digit and holds only letters, digits, ".", "_" and "-" (128 at most), never ".."`,
      );
  return { ...(project_id === undefined ? {} : { project_id }), ...(task_id === undefined ? {} : { task_id }) };
};
