import { ConductorError } from '../core/errors.js';
import { draftSchema } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import { isNestedWithin, isObject, textAt, type Json } from './json.js';
import type { Meaning } from './mapping.js';

/** What is mapped is flat; this alone is passed on as it came. */
const MOST_LEVELS = 100;

/** A sender that says the type itself: `{type, body?, data?}`. */
export const readOwnType = (payload: Json): Meaning => {
  const type = draftSchema.shape.type.safeParse(payload['type']);
  if (!type.success)
    throw new ConductorError(
      'bad_request',
      payload['type'] === undefined
        ? 'type: is missing; a body is {"type": "DEPLOY_REQUESTED", "body": …, "data": {…}}'
        : 'type: must be UPPER_SNAKE, as DEPLOY_REQUESTED',
      { details: { field: 'type' } },
    );
  if (isReserved(type.data))
    throw new ConductorError('reserved_type', `${type.data} is said by the conductor alone`, {
      details: { field: 'type' },
    });
  const data = payload['data'];
  if (data !== undefined && !isObject(data))
    throw new ConductorError('bad_request', 'data: must be an object', { details: { field: 'data' } });
  if (!isNestedWithin(data, MOST_LEVELS))
    throw new ConductorError('bad_request', 'data: is nested too deeply', { details: { field: 'data' } });
  return { type: type.data, body: textAt(payload, 'body', 64_000) ?? '', data: { ...data } };
};
