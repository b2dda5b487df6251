import { parseArgs, type ParseArgsConfig } from 'node:util';
import { parseDuration } from '../../core/duration.js';
import { ConductorError } from '../../core/errors.js';
import { ID_RULE, isId } from '../../core/id.js';
import { parseScope, type Scope } from '../tasks/scope.js';

export const usage = (message: string, cause?: unknown): ConductorError =>
  new ConductorError('usage', message, { cause });

/** Every command has these. */
export const COMMON = {
  root: { type: 'string' },
  config: { type: 'string' },
  'project-id': { type: 'string' },
  project: { type: 'string' },
  'task-id': { type: 'string' },
  task: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

type OptionsConfig = NonNullable<ParseArgsConfig['options']>;
type Parsed<Options extends OptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options; allowPositionals: true; strict: true }>
>;

/** Undefined when only help was asked for; it was given then. */
export const parse = <Options extends OptionsConfig>(
  args: string[],
  options: Options,
  help: string,
): Parsed<Options> | undefined => {
  const parsed = ((): Parsed<Options> => {
    try {
      return parseArgs({ args, options, allowPositionals: true, strict: true });
    } catch (error) {
      throw usage(error instanceof Error ? error.message : String(error), error);
    }
  })();
  if ((parsed.values as { help?: boolean }).help !== true) return parsed;
  process.stdout.write(help);
  return undefined;
};

interface ScopeOptions {
  'project-id'?: string | undefined;
  project?: string | undefined;
  'task-id'?: string | undefined;
  task?: string | undefined;
}

/** An empty variable is as good as none. */
export const env = (name: string): string | undefined => process.env[name] || undefined;

export const rootOf = (values: { root?: string | undefined }): string => values.root ?? env('CONDUCTOR_ROOT') ?? 'runs';

export const checkId = (name: string, value: string): string => {
  if (!isId(value)) throw usage(`--${name} "${value}": ${ID_RULE}`);
  return value;
};

export const projectOf = (values: ScopeOptions): string =>
  checkId('project-id', values['project-id'] ?? values.project ?? env('PROJECT_ID') ?? 'default');

export const taskOf = (values: ScopeOptions): string | undefined => {
  const named = values['task-id'] ?? values.task;
  return named === undefined ? undefined : checkId('task-id', named);
};

/** Milliseconds. */
export const durationOf = (name: string, text: string | undefined): number | undefined => {
  const value = text === undefined ? undefined : parseDuration(text);
  if (text !== undefined && value === undefined)
    throw usage(`--${name} "${text}" is no duration; write seconds (300) or "5m"`);
  return value;
};

export const countOf = (name: string, text: string | undefined): number | undefined => {
  if (text !== undefined && !/^\d+$/.test(text)) throw usage(`--${name} "${text}" is no whole number`);
  return text === undefined ? undefined : Number(text);
};

/** `project/task`, or a task of the project given; several with commas. */
export const scopesOf = (names: readonly string[], project_id: string): Scope[] =>
  names
    .flatMap((name) => name.split(','))
    .filter((name) => name !== '')
    .map((name) => parseScope(name, project_id));
