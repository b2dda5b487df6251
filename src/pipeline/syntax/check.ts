import { ConductorError } from '../../core/errors.js';
import { childrenOf, type Step } from '../../core/handler.js';
import { nearest } from '../../core/yaml-document.js';

const refuse = (file: string, text: string, at: number, message: string, field: string): never => {
  const before = at < 0 ? '' : text.slice(0, at);
  const line = before.split('\n').length;
  const position = at < 0 ? { file, field } : { file, line, column: at - before.lastIndexOf('\n'), field };
  throw new ConductorError('invalid_file', message, { position });
};

const idsOf = (steps: readonly Step[]): string[] =>
  steps.flatMap((step) => [...(step.id === undefined ? [] : [step.id]), ...idsOf(childrenOf(step))]);

/** Lists of steps in which two of the same id would be one. */
const listsOf = (step: Step): readonly (readonly Step[])[] => {
  switch (step.kind) {
    case 'branch':
      return [...step.cases.map((one) => one.steps), step.else];
    case 'attempt':
      return [step.try, step.compensate, step.rescue ?? []];
    default:
      return [childrenOf(step)];
  }
};

/**
 * What the shape of a file does not show: ids are not used twice in a list, and a template or condition speaks only of
 * steps that there are. @throws ConductorError `invalid_file` with its position.
 */
export const checkTree = (file: string, text: string, steps: readonly Step[]): void => {
  const ids = idsOf(steps);
  const visit = (list: readonly Step[]): void => {
    const seen = new Set<string>();
    for (const { id } of list) {
      if (id !== undefined && seen.has(id))
        refuse(file, text, text.lastIndexOf(id), `the id "${id}" is used twice in one list of steps`, 'id');
      if (id !== undefined) seen.add(id);
    }
    for (const step of list) for (const below of listsOf(step)) visit(below);
  };
  visit(steps);
  for (const match of text.matchAll(/\bsteps\.([A-Za-z][A-Za-z0-9_]*)/g)) {
    const name = match[1]!;
    if (ids.includes(name) || isProse(text, match.index)) continue;
    const like = nearest(name, ids);
    refuse(
      file,
      text,
      match.index + 'steps.'.length,
      `there is no step "${name}"${like ? `; did you mean "${like}"?` : ''}`,
      'steps',
    );
  }
};

/** In a comment, or in the text of a prompt outside of `{{ }}` and `{% %}`: then nobody looks it up. */
const isProse = (text: string, at: number): boolean => {
  const line = text.slice(text.lastIndexOf('\n', at) + 1, at);
  if (/^\s*#/.test(line)) return true;
  if (/(when|until|items|data|text|stop_when|data_from):\s*['"]?[^#]*$/.test(line)) return false;
  const open = Math.max(text.lastIndexOf('{{', at), text.lastIndexOf('{%', at));
  const close = Math.max(text.lastIndexOf('}}', at), text.lastIndexOf('%}', at));
  return open <= close;
};
