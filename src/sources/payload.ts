import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { cloudEventMode } from '../core/cloud-event.js';
import { ConductorError } from '../core/errors.js';
import { isObject, type Json } from './json.js';
import { MOST_VALUES, refuseManyFields, refuseManyValues } from './values.js';

const BYTE_ORDER_MARK = 0xfeff;

/** What a CloudEvent in binary mode holds may be any JSON, or nothing. */
const isBinaryCloudEvent = (headers: IncomingHttpHeaders): boolean => headers['ce-specversion'] !== undefined;

const parseJson = (text: string, headers: IncomingHttpHeaders): Json => {
  if (text === '' && isBinaryCloudEvent(headers)) return {};
  if (text.length > MOST_VALUES) refuseManyValues(text);
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch (cause) {
    throw new ConductorError('bad_request', 'the body is no valid JSON', { cause });
  }
  if (isObject(payload)) return payload;
  if (isBinaryCloudEvent(headers)) return { value: payload };
  // A batch of CloudEvents is a list, and is refused as what it is.
  cloudEventMode(headers);
  throw new ConductorError('bad_request', 'the body must be a JSON object');
};

const textOf = (rawBody: Buffer): string => {
  if (!isUtf8(rawBody)) throw new ConductorError('bad_request', 'the body is no valid UTF-8');
  const text = rawBody.toString();
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
};

/** The body as an object: JSON, or a form, which is a `payload` of JSON or the fields themselves. */
export const payloadOf = (headers: IncomingHttpHeaders, rawBody: Buffer): Json => {
  const text = textOf(rawBody);
  if (!headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return parseJson(text, headers);
  if (text.length > MOST_VALUES) refuseManyFields(text);
  const form = new URLSearchParams(text);
  const payload = form.get('payload');
  return payload === null ? Object.fromEntries(form) : parseJson(payload, headers);
};
