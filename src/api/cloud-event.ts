import type { IncomingHttpHeaders } from 'node:http';
import { cloudEventMode, cloudEventOf, envelopeOf } from '../core/cloud-event.js';
import { ConductorError } from '../core/errors.js';
import { jsonOf } from './request.js';

const binaryData = (contentType: string, rawBody: Buffer): unknown => {
  if (rawBody.length === 0) return undefined;
  if (/^text\//i.test(contentType)) return rawBody.toString();
  const value = jsonOf(contentType, rawBody);
  return typeof value === 'string' ? { value } : value;
};

/**
 * A CloudEvents 1.0 event as the message it means; undefined when it is none. `source` and `id` tell a repetition;
 * `projectid`, `taskid`, `actor` and `causationid` are extensions that we know, the rest goes into `meta`.
 */
export const messageOfCloudEvent = (
  headers: IncomingHttpHeaders,
  rawBody: Buffer,
): Record<string, unknown> | undefined => {
  const mode = cloudEventMode(headers);
  if (mode === undefined) return undefined;
  const contentType = headers['content-type'] ?? '';
  const given =
    mode === 'structured' ? jsonOf(contentType, rawBody) : envelopeOf(headers, binaryData(contentType, rawBody));
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new ConductorError('bad_request', 'a CloudEvent is a JSON object');
  const { type, source, key, attributes, ...content } = cloudEventOf(given as Record<string, unknown>, mode);
  const { projectid, taskid, actor, causationid, ...meta } = attributes;
  return {
    type,
    source,
    dedupe_key: `cloudevent:${key}`,
    ...(projectid === undefined ? {} : { project_id: projectid }),
    ...(taskid === undefined ? {} : { task_id: taskid }),
    ...(actor === undefined ? {} : { actor }),
    ...(causationid === undefined ? {} : { parents: [{ msg_id: causationid, kind: 'caused_by' }] }),
    ...content,
    meta,
  };
};
