/** Checks a draft as `draftSchema` does. By hand, since every append pays for it and a short-lived writer for loading zod. */
import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import { isReserved, normaliseType } from '../core/event-type.js';
import { prepare } from './encode.js';
import { isId, isObject, isText } from './fields.js';
import type { Prepared } from './format.js';

/** What is wrong with a value, as `path: message`; undefined when nothing is. */
type Check = (value: unknown, path: string) => string | undefined;

const text =
  (most: number, least = 0): Check =>
  (value, path) => {
    if (!isText(value)) return `${path}: expected text`;
    if (value.length < least) return `${path}: must not be empty`;
    return value.length > most ? `${path}: at most ${most} characters` : undefined;
  };

const id: Check = (value, path) =>
  isId(value)
    ? undefined
    : `${path}: an id begins with a letter or digit and holds only letters, digits, ".", "_" and "-" (128 at most), never ".."`;

const object: Check = (value, path) => (isObject(value) ? undefined : `${path}: expected an object`);

const fields =
  (checks: Record<string, { check: Check; required?: true }>): Check =>
  (value, path) => {
    if (!isObject(value)) return `${path}: expected an object`;
    for (const [key, { check, required }] of Object.entries(checks)) {
      if (value[key] === undefined && !required) continue;
      const wrong = check(value[key], `${path}.${key}`);
      if (wrong) return wrong;
    }
    return undefined;
  };

const list =
  (check: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return `${path}: expected a list`;
    if (value.length > 100) return `${path}: at most 100 of them`;
    for (const [index, item] of value.entries()) {
      const wrong = check(item, `${path}[${index}]`);
      if (wrong) return wrong;
    }
    return undefined;
  };

/** What passed last is not looked at again: most messages repeat the ids of the one before. */
const repeated = (check: Check): Check => {
  let last: unknown;
  return (value, path) => {
    if (value === last && value !== undefined) return undefined;
    const wrong = check(value, path);
    if (wrong === undefined) last = value;
    return wrong;
  };
};

const typeText = text(64, 1);
const anyText = text(Infinity);

const CHECKS: Record<keyof Draft, Check> = {
  type: repeated(
    (value, path) =>
      typeText(value, path) ??
      (/^[A-Z][A-Z0-9_]*$/.test(normaliseType(value as string))
        ? undefined
        : `${path}: a type is UPPER_SNAKE, as CODE_PUSHED`),
  ),
  project_id: repeated(id),
  task_id: repeated(id),
  run_id: text(128),
  source: text(200),
  actor: text(200),
  parents: list(
    fields({ msg_id: { check: text(200, 1), required: true }, kind: { check: text(64, 1), required: true } }),
  ),
  depth: (value, path) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 1_000
      ? undefined
      : `${path}: a whole number from 0 to 1000`,
  dedupe_key: text(512, 1),
  data: object,
  trust: (value, path) => (value === 'full' || value === 'outside' ? undefined : `${path}: "full" or "outside"`),
  body: anyText,
  meta: (value, path) =>
    object(value, path) ??
    Object.entries(value as object)
      .map(([key, one]) => anyText(one, `${path}.${key}`))
      .find((wrong) => wrong !== undefined),
  links: list(
    fields({
      url: { check: anyText, required: true },
      label: { check: anyText },
      kind: { check: anyText },
    }),
  ),
  issue_id: text(200),
};

const CHECK_OF = new Map<string, Check>(Object.entries(CHECKS));

/** The fields of the last draft, with their checks: the next mostly has the same, and need not look them up. */
const lastFields: { key: string; check: Check }[] = [];

const checkOf = (key: string, index: number): Check | undefined => {
  const last = lastFields[index];
  if (last?.key === key) return last.check;
  const check = CHECK_OF.get(key);
  if (check) lastFields[index] = { key, check };
  return check;
};

/** The first thing wrong with a draft, as `field: message`. */
export const draftFault = (draft: unknown): string | undefined => {
  if (!isObject(draft)) return 'message: expected an object';
  if (draft['type'] === undefined) return 'type: expected text';
  let index = 0;
  for (const key in draft) {
    const check = checkOf(key, index);
    if (!check) return `${key}: a message has no such field`;
    const wrong = draft[key] === undefined ? undefined : check(draft[key], key);
    if (wrong) return wrong;
    index += 1;
  }
  return undefined;
};

/** Checks a draft and fills the defaults. `own`: our own facts, which may be of a reserved type. `blobAbove`: as in prepare. */
export const prepareDraft = (draft: Draft, own: boolean, blobAbove = Infinity): Prepared => {
  const fault = draftFault(draft);
  if (fault !== undefined) {
    const field = fault.slice(0, fault.indexOf(':'));
    throw new ConductorError('bad_request', fault, { details: { field } });
  }
  const type = normaliseType(draft.type);
  if (!own && isReserved(type)) {
    throw new ConductorError('reserved_type', `${type} is said by the service only; choose another type`, {
      details: { type },
    });
  }
  try {
    return prepare(type === draft.type ? draft : { ...draft, type }, blobAbove);
  } catch (error) {
    if (error instanceof ConductorError) throw error;
    throw new ConductorError(
      'bad_request',
      `data: cannot be written as JSON (${error instanceof Error ? error.message : String(error)})`,
      { cause: error, details: { field: 'data' } },
    );
  }
};
