import type { IncomingHttpHeaders } from 'node:http';
import { attributeFrom } from '../core/cloud-event.js';
import { ConductorError } from '../core/errors.js';
import { jsonOf } from './request.js';

const PREFIX = 'ce-';
const STRUCTURED = /^application\/cloudevents\+json\s*(;|$)/i;

export const isCloudEvent = (headers: IncomingHttpHeaders): boolean =>
  headers['ce-specversion'] !== undefined || STRUCTURED.test(headers['content-type'] ?? '');

const attributesOf = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name, value]) => name.startsWith(PREFIX) && typeof value === 'string')
      .map(([name, value]) => [name.slice(PREFIX.length), attributeFrom(name, value as string)]),
  );

/** Data of any JSON becomes an object; text is for people. */
const contentOf = (data: unknown): { data?: Record<string, unknown>; body?: string } => {
  if (data === undefined || data === null) return {};
  if (typeof data === 'string') return { body: data };
  return {
    data: typeof data === 'object' && !Array.isArray(data) ? (data as Record<string, unknown>) : { value: data },
  };
};

const binaryData = (contentType: string, rawBody: Buffer): unknown => {
  if (rawBody.length === 0) return undefined;
  if (/^text\//i.test(contentType)) return rawBody.toString();
  const value = jsonOf(contentType, rawBody);
  return typeof value === 'string' ? { value } : value;
};

/**
 * A CloudEvents 1.0 event, in binary or structured mode, as the message it means. `source` and `id` tell a repetition;
 * `projectid`, `taskid`, `actor` and `causationid` are extensions that we know, the rest goes into `meta`.
 */
export const cloudEventOf = (headers: IncomingHttpHeaders, rawBody: Buffer): Record<string, unknown> => {
  const contentType = headers['content-type'] ?? '';
  const isStructured = STRUCTURED.test(contentType);
  const given = isStructured ? (jsonOf(contentType, rawBody) as Record<string, unknown>) : attributesOf(headers);
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new ConductorError('bad_request', 'a CloudEvent is a JSON object');
  const { data: structured, data_base64, datacontenttype, ...attributes } = given;
  if (data_base64 !== undefined)
    throw new ConductorError('unsupported_media_type', 'data_base64: binary data is not taken');
  const name = (key: string): string => (isStructured ? key : PREFIX + key);
  for (const key of ['specversion', 'id', 'source', 'type']) {
    const value = attributes[key];
    if (typeof value !== 'string' || value === '')
      throw new ConductorError('bad_request', `${name(key)}: is missing`, { details: { field: name(key) } });
  }
  const { specversion, id, source, type, projectid, taskid, actor, causationid, ...rest } = attributes as Record<
    string,
    string
  >;
  if (specversion !== '1.0') throw new ConductorError('bad_request', `${name('specversion')}: only 1.0 is known`);
  return {
    type,
    source,
    dedupe_key: `cloudevent:${source}:${id}`,
    ...(projectid === undefined ? {} : { project_id: projectid }),
    ...(taskid === undefined ? {} : { task_id: taskid }),
    ...(actor === undefined ? {} : { actor }),
    ...(causationid === undefined ? {} : { parents: [{ msg_id: causationid, kind: 'caused_by' }] }),
    ...contentOf(isStructured ? structured : binaryData(contentType, rawBody)),
    meta: Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, String(value)])),
  };
};
