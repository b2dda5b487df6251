import { ConductorError } from '../../core/errors.js';
import { ID_RULE, isId } from '../../core/id.js';

export interface Scope {
  project_id: string;
  task_id: string;
}

/** `project/task`, or a task of the project given. @throws ConductorError `usage` */
export const parseScope = (name: string, project_id: string): Scope => {
  const parts = name.split('/');
  const wrong = parts.find((part) => !isId(part));
  if (wrong !== undefined) throw new ConductorError('usage', `the task "${name}": ${ID_RULE}`);
  const [first, second, third] = parts as [string, string?, string?];
  if (third !== undefined) throw new ConductorError('usage', `the task "${name}": say TASK or PROJECT/TASK`);
  return second === undefined ? { project_id, task_id: first } : { project_id: first, task_id: second };
};

/** The task that is named, by argument, option or the surrounding run. */
export const scopeOf = (named: string | undefined, options: { project?: string; task?: string }): Scope => {
  const name = named ?? options.task ?? process.env['TASK_ID'] ?? '';
  if (name === '') throw new ConductorError('usage', 'which task? Say its id, or PROJECT/ID');
  return parseScope(name, options.project ?? 'default');
};
