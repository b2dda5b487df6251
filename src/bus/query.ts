import { ConductorError } from '../core/errors.js';
import { normaliseType } from '../core/event-type.js';
import type { Event } from '../core/event.js';
import type { BusQuery } from '../core/ports.js';
import type { Wanted } from './wanted.js';

export const matcher = (query: BusQuery): ((event: Event) => boolean) => {
  const types = query.types && new Set(query.types.map(normaliseType));
  return (event) =>
    (!types || types.has(event.type)) &&
    (query.project_id === undefined || event.project_id === query.project_id) &&
    (query.task_id === undefined || event.task_id === query.task_id) &&
    (query.run_id === undefined || event.run_id === query.run_id);
};

/** What headers of matching messages hold: others may hold it too. Undefined: all are wanted. */
export const wantedBy = (query: BusQuery): Wanted | undefined => {
  const line = (key: string, value: string): string[] => [
    `\n${key}: ${value}\n`,
    `\n${key}: ${JSON.stringify(value)}\n`,
  ];
  // Plain text only: other values have more than one spelling.
  const one = (key: string, value: string | undefined): string[][] =>
    value !== undefined && /^[\w.-]+$/.test(value) ? [line(key, value)] : [];
  const wanted = [
    ...(query.types ? [query.types.map(normaliseType).flatMap((type) => line('type', type))] : []),
    ...one('project_id', query.project_id),
    ...one('task_id', query.task_id),
    ...one('run_id', query.run_id),
  ];
  return wanted.length === 0 ? undefined : wanted;
};

export const unknownId = (msg_id: string): ConductorError =>
  new ConductorError('not_found', `there is no message ${msg_id}`, { details: { msg_id } });

export const checkTail = ({ tail }: BusQuery): void => {
  if (tail !== undefined && !(Number.isInteger(tail) && tail >= 0))
    throw new ConductorError('bad_request', 'tail: a whole number, 0 or more', { details: { field: 'tail' } });
};
