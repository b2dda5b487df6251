import { pathsIn } from '../core/condition.js';
import type { Handler, Step } from '../core/handler.js';
import type { HandlerSignature } from '../core/parameters.js';
import { VARIABLE_NAMES } from './scope.js';
import { namesIn } from './template.js';

/** Fields that hold CEL; all other texts are templates. */
const CONDITIONS = new Set(['when', 'until', 'stop_when', 'from']);

/** Finds the parameters that texts of a tree speak of. */
class Reading {
  readonly names = new Set<string>();
  closed = true;

  /** `['with', 'branch', …]`; without a name all of them are meant. */
  path([root, name]: readonly (string | number)[]): void {
    if (root !== 'with') return;
    if (typeof name === 'string') this.names.add(name);
    else this.closed = false;
  }

  condition(text: string): void {
    for (const path of pathsIn(text, VARIABLE_NAMES)) this.path(path.split('.'));
  }

  template(text: string): void {
    if (text.includes('{{') || text.includes('{%')) for (const path of namesIn(text)) this.path(path);
  }

  /** Scripts are given everything on stdin; functions, too. */
  step(step: Partial<Step>): void {
    const isScript = step.kind === 'shell' || (step.kind === 'agent' && step.agents?.includes('shell'));
    if (isScript || step.kind === 'code' || 'fallback_script' in step) this.closed = false;
  }

  text(text: string, key: string, within: string): void {
    try {
      if (CONDITIONS.has(key) || (key === 'data' && within === 'result')) this.condition(text);
      else this.template(text);
    } catch {
      // What cannot be read says nothing of what it would read.
      this.closed = false;
    }
  }

  value(value: unknown, key = '', within = ''): void {
    if (typeof value === 'string') this.text(value, key, within);
    else if (Array.isArray(value)) for (const one of value as unknown[]) this.value(one, key, within);
    else if (typeof value === 'object' && value !== null) {
      this.step(value);
      for (const [name, one] of Object.entries(value)) this.value(one, name, key);
    }
  }
}

/** What rules may give it: what the file names in `parameters`, else all that its texts speak of. */
export const signatureOf = ({ name, parameters, steps }: Handler): HandlerSignature => {
  const reading = new Reading();
  reading.value(steps);
  const names = new Set([...(parameters ?? []), ...reading.names]);
  return { name, parameters: { names: [...names], closed: parameters !== undefined || reading.closed } };
};
