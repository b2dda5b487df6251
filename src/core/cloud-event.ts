import { ConductorError } from './errors.js';

/** CloudEvents 1.0 over HTTP: binary mode (`ce-` headers, the body is the data) and structured mode (the body is the event). */
export interface CloudEvent {
  type: string;
  source: string;
  /** Of source and id together: what tells a repetition. */
  key: string;
  /** All other attributes as text: `subject`, `time`, extensions. */
  attributes: Record<string, string>;
  /** Data that is an object; any other JSON is its `value`. */
  data?: Record<string, unknown>;
  /** Data that is text. */
  body?: string;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;
type Fields = Readonly<Record<string, unknown>>;

export const PREFIX = 'ce-';
const REQUIRED = ['specversion', 'id', 'source', 'type'] as const;
const MOST_ATTRIBUTES = 64;
const MOST_KEY = 400;

const wrong = (field: string, why: string): ConductorError =>
  new ConductorError('bad_request', `${field}: ${why}`, { details: { field } });

/** Undefined: it is none. Any attribute that must be there makes it one, so that a missing one is told. @throws `unsupported_media_type` */
export const cloudEventMode = (headers: Headers): 'binary' | 'structured' | undefined => {
  const type = String(headers['content-type'] ?? '');
  if (type.length > 22 && type.slice(0, 23).toLowerCase() === 'application/cloudevents') {
    if (/^application\/cloudevents\+json\s*(;|$)/i.test(type)) return 'structured';
    throw new ConductorError(
      'unsupported_media_type',
      'of CloudEvents one at a time is taken, as application/cloudevents+json or with ce- headers',
    );
  }
  return REQUIRED.some((name) => headers[PREFIX + name] !== undefined) ? 'binary' : undefined;
};

/** The value of a `ce-` header: CloudEvents over HTTP percent-encode it. */
const decoded = (name: string, value: string): string => {
  try {
    return decodeURIComponent(value);
  } catch {
    throw wrong(name, 'is not percent-encoded UTF-8');
  }
};

/** The event that binary mode means, in the form of structured mode. @throws ConductorError `bad_request` */
export const envelopeOf = (headers: Headers, data: unknown): Record<string, unknown> => ({
  ...Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith(PREFIX))
      .map(([name, value]) => [name.slice(PREFIX.length), decoded(name, String(value))]),
  ),
  data,
});

const textOf = (field: string, value: unknown): string => {
  if (!['string', 'number', 'boolean'].includes(typeof value))
    throw wrong(field, 'must be text, a number or a boolean');
  const text = String(value);
  if (/[\p{Cc}\p{Cs}]/u.test(text)) throw wrong(field, 'holds a control character or half of a surrogate pair');
  return text;
};

const attributesOf = (given: Fields, prefix: string): Record<string, string> => {
  const entries = Object.entries(given).filter(
    ([name, value]) => name !== 'data' && value !== null && value !== undefined && value !== '',
  );
  if (entries.length > MOST_ATTRIBUTES)
    throw new ConductorError('bad_request', `a CloudEvent of more than ${MOST_ATTRIBUTES} attributes is not taken`);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const field = prefix + name.slice(0, 100);
      if (!/^[a-z0-9]+$/.test(name)) throw wrong(field, 'an attribute is named with a to z and 0 to 9');
      return [name, textOf(field, value)];
    }),
  );
};

const contentOf = (data: unknown): Pick<CloudEvent, 'data' | 'body'> => {
  if (data === undefined || data === null) return {};
  if (typeof data === 'string') return { body: data };
  return { data: typeof data === 'object' && !Array.isArray(data) ? { ...data } : { value: data } };
};

/** @throws ConductorError `bad_request` that names the attribute, with the prefix of its header in binary mode */
export const cloudEventOf = (given: Fields, mode: 'binary' | 'structured'): CloudEvent => {
  const prefix = mode === 'binary' ? PREFIX : '';
  if (given['data_base64'] !== undefined)
    throw new ConductorError('unsupported_media_type', 'data_base64: binary data is not taken');
  const all = attributesOf(given, prefix);
  const required = (name: (typeof REQUIRED)[number]): string => {
    const value = all[name];
    if (value === undefined) throw wrong(prefix + name, 'is missing');
    return value;
  };
  const [version, id, source, type] = REQUIRED.map(required) as [string, string, string, string];
  if (version !== '1.0') throw wrong(`${prefix}specversion`, 'only 1.0 is known');
  const { time } = all;
  if (time !== undefined && !(/^\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d/i.test(time) && Date.parse(time) === Date.parse(time)))
    throw wrong(`${prefix}time`, 'must be a time of RFC 3339, as 2027-01-31T12:00:00Z');
  // No sign of the source is the one between them.
  const key = `${source.replace(/[%#]/g, encodeURIComponent)}#${id}`;
  if (key.length > MOST_KEY)
    throw wrong(`${prefix}id`, `is longer than ${MOST_KEY} characters together with the source`);
  const attributes = Object.fromEntries(
    Object.entries(all).filter(
      ([name]) => !(REQUIRED as readonly string[]).includes(name) && name !== 'datacontenttype',
    ),
  );
  return { type, source, key, attributes, ...contentOf(given['data']) };
};
