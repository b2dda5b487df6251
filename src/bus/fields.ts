/** From header lines to an event. A record we sealed is taken strictly or not at all; foreign text is taken as far as it goes. */
import type { Event, Parent } from '../core/event.js';
import { normaliseType } from '../core/event-type.js';

export type Header = ReadonlyMap<string, string>;

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

const CHECKS = new Map<string, (value: unknown) => boolean>(
  Object.entries({
    msg_id: (value: unknown) => isText(value) && /^[A-Za-z0-9][\x21-\x7e]{0,199}$/.test(value),
    ts: (value: unknown) => isText(value) && !Number.isNaN(Date.parse(value)),
    type: (value: unknown) => isText(value) && TYPE.test(value),
    project_id: isId,
    task_id: isId,
    run_id: isText,
    source: isText,
    actor: isText,
    issue_id: isText,
    dedupe_key: isText,
    parents: (value: unknown) => Array.isArray(value) && value.every(isParent),
    depth: (value: unknown) => Number.isInteger(value) && (value as number) >= 0,
    trust: (value: unknown) => value === 'full' || value === 'outside',
    data: isObject,
    data_blob: (value: unknown) => isText(value) && /^[0-9a-f]{64}$/.test(value),
    meta: (value: unknown) => isObject(value) && Object.values(value).every(isText),
    links: (value: unknown) => Array.isArray(value) && value.every(isLink),
  }),
);
const REQUIRED = ['msg_id', 'ts', 'type', 'project_id', 'source', 'parents', 'depth', 'trust', 'data'];
const MAY_BE_PLAIN = new Set(['msg_id', 'ts', 'type', 'project_id', 'task_id', 'run_id']);

/** A JSON string without any escape. */
const PLAIN = /^"[ !#-[\]-~]*"$/;

const parseValue = (key: string, text: string): unknown => {
  if (!text.startsWith('"')) {
    if (MAY_BE_PLAIN.has(key)) return text;
    if (text === '{}') return {};
    if (text === '0') return 0;
    if (text === '[]') return [];
  } else if (PLAIN.test(text)) {
    return text.slice(1, -1);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

/** Undefined when any field has the wrong shape. */
export const strictEvent = (header: Header, body: string, authentic: boolean): Event | undefined => {
  const event: Record<string, unknown> = {};
  for (const [key, text] of header) {
    const check = CHECKS.get(key);
    if (!check) continue;
    const value = parseValue(key, text);
    if (!check(value)) return undefined;
    event[key] = value;
  }
  for (const key of REQUIRED) if (event[key] === undefined) return undefined;
  event['body'] = body;
  event['sealed'] = true;
  event['authentic'] = authentic;
  return event as unknown as Event;
};

/** A record of another writer: whatever fits is kept, the rest gets a default. It never fires a rule. */
export const foreignEvent = (header: Header, body: string, offset: number): Event => {
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
  for (const [key, text] of header) {
    let value = parseValue(key, text);
    if (value === undefined) value = text;
    if (key === 'type' && isText(value)) value = normaliseType(value);
    if (key === 'parents' && Array.isArray(value)) {
      value = value.map((parent: unknown) => (isText(parent) ? { msg_id: parent, kind: 'relates_to' } : parent));
    }
    if (CHECKS.get(key)?.(value)) event[key] = value;
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
