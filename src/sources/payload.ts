import type { IncomingHttpHeaders } from 'node:http';
import { ConductorError } from '../core/errors.js';
import { isNestedWithin, isObject, type Json } from './json.js';

const MOST_LEVELS = 100;

const parseJson = (text: string): Json => {
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch (cause) {
    throw new ConductorError('bad_request', 'the body is no valid JSON', { cause });
  }
  if (!isObject(payload)) throw new ConductorError('bad_request', 'the body must be a JSON object');
  if (!isNestedWithin(payload, MOST_LEVELS)) throw new ConductorError('bad_request', 'the body is nested too deeply');
  return payload;
};

const textOf = (rawBody: Buffer): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(rawBody);
  } catch (cause) {
    throw new ConductorError('bad_request', 'the body is no valid UTF-8', { cause });
  }
};

/** The body as an object: JSON, or a form, which is a `payload` of JSON or the fields themselves. */
export const payloadOf = (headers: IncomingHttpHeaders, rawBody: Buffer): Json => {
  const text = textOf(rawBody);
  if (!headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return parseJson(text);
  const form = new URLSearchParams(text);
  const payload = form.get('payload');
  return payload === null ? Object.fromEntries(form) : parseJson(payload);
};
