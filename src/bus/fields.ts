/** From header lines to an event. A record we sealed is taken strictly or not at all; foreign text is taken as far as it goes. */
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import type { Event, Parent } from '../core/event.js';
import { normaliseType } from '../core/event-type.js';
import { PLACE, type HeaderName, type HeaderValues } from './header.js';

const load = createRequire(import.meta.url);

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const TYPE = /^[A-Z][A-Z0-9_]{0,99}$/;
export const isText = (value: unknown): value is string => typeof value === 'string';
/** Of a project or a task: it becomes the name of a folder. */
export const isId = (value: unknown): value is string => isText(value) && ID.test(value) && !value.includes('..');
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isParent = (value: unknown): value is Parent =>
  isObject(value) && isText(value['msg_id']) && isText(value['kind']);
const isLink = (value: unknown): boolean => isObject(value) && isText(value['url']);

/** As `Date.toISOString` says it; what else `Date.parse` takes is rarer. */
const ISO = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

interface Shape {
  name: Exclude<HeaderName, 'body_bytes' | 'mac' | 'crc32'>;
  check: (value: unknown) => boolean;
  required: boolean;
  /** Also without quotes. */
  plain: boolean;
}

const shape = (
  name: Shape['name'],
  check: Shape['check'],
  { required = false, plain = false }: { required?: boolean; plain?: boolean } = {},
): Shape => ({ name, check, required, plain });

const isMessageId = (value: unknown): boolean => isText(value) && /^[A-Za-z0-9][\x21-\x7e]{0,199}$/.test(value);
/** Of years that have four digits: what is added to a time is still one that can be written. */
const isTime = (value: unknown): boolean =>
  isText(value) && (ISO.test(value) || (/^\d{4}-/.test(value) && !Number.isNaN(Date.parse(value))));
const isType = (value: unknown): boolean => isText(value) && TYPE.test(value);
const isDepth = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isTrust = (value: unknown): boolean => value === 'full' || value === 'outside';

/** In the order of the names of a header. */
const SHAPES: readonly Shape[] = [
  shape('msg_id', isMessageId, { required: true, plain: true }),
  shape('ts', isTime, { required: true, plain: true }),
  shape('type', isType, { required: true, plain: true }),
  shape('project_id', isId, { required: true, plain: true }),
  shape('task_id', isId, { plain: true }),
  shape('run_id', isText, { plain: true }),
  shape('source', isText, { required: true }),
  shape('actor', isText),
  shape('parents', (value) => Array.isArray(value) && value.every(isParent), { required: true }),
  shape('depth', isDepth, { required: true }),
  shape('dedupe_key', isText),
  shape('trust', isTrust, { required: true }),
  shape('issue_id', isText),
  shape('meta', (value) => isObject(value) && Object.values(value).every(isText)),
  shape('links', (value) => Array.isArray(value) && value.every(isLink)),
  shape('data', isObject, { required: true }),
  shape('data_blob', (value) => isText(value) && /^[0-9a-f]{64}$/.test(value)),
];

/** A JSON string without any escape. */
const PLAIN = /^"[ !#-[\]-~]*"$/;

/** Undefined when it is no JSON. */
const parseValue = (text: string): unknown => {
  if (text.startsWith('"')) {
    if (PLAIN.test(text)) return text.slice(1, -1);
  } else if (text === '{}') {
    return {};
  } else if (text === '0') {
    return 0;
  } else if (text === '[]') {
    return [];
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

type Mutable = { -readonly [Key in keyof Event]: Event[Key] };

const VARIED: readonly Shape['name'][] = ['msg_id', 'ts', 'dedupe_key', 'data'];
/** What a field said last that had the right shape, where messages mostly repeat what the one before says. */
const repeated = SHAPES.map(({ name }): { text: string | undefined; value: unknown } | undefined =>
  VARIED.includes(name) ? undefined : { text: undefined, value: undefined },
);

/** Undefined when any field has the wrong shape. */
export const strictEvent = (said: HeaderValues, body: string, authentic: boolean): Event | undefined => {
  const values = new Array<unknown>(SHAPES.length);
  for (let place = 0; place < SHAPES.length; place += 1) {
    const { check, required, plain } = SHAPES[place]!;
    const text = said[place];
    const last = repeated[place];
    if (text === undefined) {
      if (required) return undefined;
    } else if (last !== undefined && text === last.text) {
      values[place] = last.value;
    } else {
      const value = plain && !text.startsWith('"') ? text : parseValue(text);
      if (!check(value)) return undefined;
      // Whoever is told an event may keep it, and what is in it.
      if (last !== undefined && typeof value !== 'object') {
        last.text = text;
        last.value = value;
      }
      values[place] = value;
    }
  }
  // In the order of SHAPES, and one property after the other: an event is built for every record that is read.
  const event = { msg_id: values[0], ts: values[1], type: values[2], project_id: values[3] } as Mutable;
  if (values[4] !== undefined) event.task_id = values[4] as string;
  if (values[5] !== undefined) event.run_id = values[5] as string;
  event.source = values[6] as string;
  if (values[7] !== undefined) event.actor = values[7] as string;
  event.parents = values[8] as Mutable['parents'];
  event.depth = values[9] as number;
  if (values[10] !== undefined) event.dedupe_key = values[10] as string;
  event.trust = values[11] as Mutable['trust'];
  if (values[12] !== undefined) event.issue_id = values[12] as string;
  if (values[13] !== undefined) event.meta = values[13] as NonNullable<Mutable['meta']>;
  if (values[14] !== undefined) event.links = values[14] as NonNullable<Mutable['links']>;
  event.data = values[15] as Mutable['data'];
  if (values[16] !== undefined) event.data_blob = values[16] as string;
  event.body = body;
  event.sealed = true;
  event.authentic = authentic;
  return event;
};

/** YAML in more lines than one, as other programs write lists and maps. Larger ones are nobody's ids and links. */
const BLOCK_MAX = 64 * 1024;

/** Undefined when it is no YAML. */
const parseBlock = (name: string, text: string): unknown => {
  if (text.length > BLOCK_MAX) return undefined;
  try {
    // Of foreign records alone, and no start of a command is to pay for it.
    const { parse } = load('yaml') as typeof Yaml;
    return (parse(`${name}: ${text}\n`, { schema: 'core', logLevel: 'silent' }) as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
};

/** A record of another writer: whatever fits is kept, the rest gets a default. It never fires a rule. */
export const foreignEvent = (said: HeaderValues, body: string, offset: number): Event => {
  const event: Record<string, unknown> = {
    msg_id: `FOREIGN-${offset}`,
    ts: new Date(0).toISOString(),
    type: 'INFO',
    project_id: 'default',
    source: 'foreign',
    parents: [],
    depth: 0,
    data: {},
  };
  for (const { name, check, plain } of SHAPES) {
    const text = said[PLACE[name]];
    if (text === undefined) continue;
    let value = text.includes('\n')
      ? parseBlock(name, text)
      : plain && !text.startsWith('"')
        ? text
        : (parseValue(text) ?? text);
    if (name === 'type' && isText(value)) value = normaliseType(value);
    if (name === 'parents' && Array.isArray(value)) {
      value = value.map((parent: unknown) => (isText(parent) ? { msg_id: parent, kind: 'relates_to' } : parent));
    }
    if (check(value)) event[name] = value;
  }
  return { ...event, trust: 'outside', body, sealed: false, authentic: false } as unknown as Event;
};

const LEGACY = /^\[(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\] ([A-Za-z][\w .-]{0,63}): ?(.*)$/s;

/** `[YYYY-MM-DD HH:MM:SS] TYPE: body`, one line; the time is taken as UTC. */
export const legacyEvent = (line: string, offset: number): Event | undefined => {
  const match = LEGACY.exec(line);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, type = '', body = ''] = match;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const name = normaliseType(type);
  if (Number.isNaN(time.getTime()) || !TYPE.test(name)) return undefined;
  return {
    msg_id: `LEGACY-${year}${month}${day}-${hour}${minute}${second}-${offset}`,
    ts: time.toISOString(),
    type: name,
    project_id: 'default',
    source: 'legacy',
    parents: [],
    depth: 0,
    data: {},
    trust: 'outside',
    body: body.replace(/\r$/, ''),
    sealed: false,
    authentic: false,
  };
};
