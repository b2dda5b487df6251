import type { IncomingHttpHeaders } from 'node:http';
import { attributeFrom } from '../core/cloud-event.js';
import { ConductorError } from '../core/errors.js';
import type { Json } from './json.js';
import type { Delivery } from './providers/provider.js';
import { headerOf } from './verifiers/verifier.js';

const ATTRIBUTES = ['id', 'source', 'type'] as const;

const wrong = (name: string, why: string): ConductorError =>
  new ConductorError('bad_request', `${name}: ${why}`, { details: { field: name } });

const attributeOf = (headers: IncomingHttpHeaders, attribute: string): string => {
  const name = `ce-${attribute}`;
  const value = headerOf(headers, name);
  if (value === undefined) throw wrong(name, 'is missing');
  return attributeFrom(name, value);
};

/**
 * A CloudEvent in binary mode (`ce-` headers, the body is its data) as a sender that says our types would tell it: `{type,
 * data}`, with its id and source. Everything else as it came.
 */
export const unwrapCloudEvent = (delivery: Delivery): Delivery & { cloudEvent?: string } => {
  const { headers, payload } = delivery;
  if (headers['ce-specversion'] === undefined) return delivery;
  if (headers['ce-specversion'] !== '1.0') throw wrong('ce-specversion', 'only 1.0 is known');
  const [id, source, type] = ATTRIBUTES.map((attribute) => attributeOf(headers, attribute)) as [string, string, string];
  const told: Json = { type, id, source, data: payload };
  return { ...delivery, payload: told, cloudEvent: `${source}#${id}` };
};
