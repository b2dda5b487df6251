/** From a message to the text of its record, all but its id and time. */
import { ConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import { crypto } from './crypto.js';
import { asciiJson, escapeBody, jsonOfAny } from './escape.js';
import { BODY_MAX, HEADER_MAX, seal, type Blob, type Prepared } from './format.js';

/** In characters. */
const TEXT_MAX = 4_096;

export type Fields = Omit<Event, 'msg_id' | 'ts' | 'sealed' | 'authentic'>;

const BODY_BYTES = '\nbody_bytes: ';
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._:+-]*$/;

/** A line of a header, and how many bytes more than characters it has: to count all of them would cost more than the rest. */
interface Line {
  text: string;
  wide: number;
}

/** As JSON. */
const valueOf = (value: unknown): Line => {
  const simple = asciiJson(value);
  if (simple !== undefined) return { text: simple, wide: 0 };
  const text = jsonOfAny(value);
  return { text, wide: Buffer.byteLength(text) - text.length };
};

const said = (name: string, value: unknown): Line => {
  const { text, wide } = valueOf(value);
  return { text: `${name}: ${text}\n`, wide };
};

/** Without quotes where it can do without. */
const plain = (name: string, value: string): Line =>
  PLAIN.test(value) ? { text: `${name}: ${value}\n`, wide: 0 } : said(name, value);

/** The lines of a header while it is written. */
class Lines implements Line {
  text = '';
  wide = 0;

  ascii(text: string): void {
    this.text += text;
  }

  add({ text, wide }: Line): void {
    this.text += text;
    this.wide += wide;
  }
}

/** A draft, or the fields of an event. */
export type Sayable = { readonly type: string } & { readonly [Key in keyof Fields]?: Fields[Key] | undefined };

/** All that stands before the value of `data`, with the defaults of the fields that are left out. */
const fieldsOf = (draft: Sayable): Line => {
  const lines = new Lines();
  lines.add(plain('type', draft.type));
  if (draft.project_id === undefined) lines.ascii('project_id: default\n');
  else lines.add(plain('project_id', draft.project_id));
  if (draft.task_id !== undefined) lines.add(plain('task_id', draft.task_id));
  if (draft.run_id !== undefined) lines.add(plain('run_id', draft.run_id));
  if (draft.source === undefined) lines.ascii('source: "cli"\n');
  else lines.add(said('source', draft.source));
  if (draft.actor !== undefined) lines.add(said('actor', draft.actor));
  if (draft.parents?.length) lines.add(said('parents', draft.parents));
  else lines.ascii('parents: []\n');
  lines.ascii(`depth: ${draft.depth ?? 0}\n`);
  if (draft.dedupe_key !== undefined) lines.add(said('dedupe_key', draft.dedupe_key));
  lines.ascii(`trust: "${draft.trust ?? 'full'}"\n`);
  if (draft.issue_id !== undefined) lines.add(said('issue_id', draft.issue_id));
  if (draft.meta !== undefined) lines.add(said('meta', draft.meta));
  if (draft.links !== undefined) lines.add(said('links', draft.links));
  lines.ascii('data: ');
  return lines;
};

/** Says nothing that only one message says. */
const isCommon = ({ parents, dedupe_key, meta, links }: Sayable): boolean =>
  dedupe_key === undefined && meta === undefined && links === undefined && !parents?.length;

const isAlike = (one: Sayable, other: Sayable): boolean =>
  one.type === other.type &&
  one.task_id === other.task_id &&
  one.run_id === other.run_id &&
  one.project_id === other.project_id &&
  one.source === other.source &&
  one.actor === other.actor &&
  one.depth === other.depth &&
  one.trust === other.trust &&
  one.issue_id === other.issue_id;

/** Many messages differ from the one before in data and body alone. */
let common: Sayable = { type: '' };
let commonLine: Line = { text: '', wide: 0 };

const commonFieldsOf = (draft: Sayable): Line => {
  if (isAlike(draft, common)) return commonLine;
  const { text } = fieldsOf(draft);
  common = { ...draft, data: {}, body: '' };
  // To count its bytes joins the text, which then is copied faster.
  return (commonLine = { text, wide: Buffer.byteLength(text) - text.length });
};

const FIELD_MAX = 1_024;
const MAPPED_MAX = 16 * 1024;

/** The fields that are small enough to stay in the record, for rules and for people. */
const smallFields = (data: Event['data']): Record<string, unknown> => {
  let left = MAPPED_MAX;
  return Object.fromEntries(
    Object.entries(data).filter(([key, value]) => {
      const size = key.length + (JSON.stringify(value)?.length ?? 0);
      if (size > FIELD_MAX || size > left) return false;
      left -= size;
      return true;
    }),
  );
};

const blobOf = (bytes: Buffer): Blob => {
  if (bytes.length > BODY_MAX)
    throw new ConductorError('too_large', `data holds at most ${BODY_MAX} bytes; keep more in a file`);
  return { sha256: crypto().createHash('sha256').update(bytes).digest('hex'), bytes };
};

/** What is said in place of data that is too large for the record, if it is; it lies in the blob. */
const outside = (data: Event['data'], text: string, blobAbove: number): { line: Line; blob: Blob } | undefined => {
  if (text.length <= blobAbove) return undefined;
  const bytes = Buffer.from(JSON.stringify(data));
  if (bytes.length <= blobAbove) return undefined;
  const blob = blobOf(bytes);
  const { text: small, wide } = valueOf(smallFields(data));
  return { line: { text: `${small}\ndata_blob: "${blob.sha256}"`, wide }, blob };
};

/** `blobAbove`: how many bytes of JSON the data may have in the record itself. */
export const prepare = (draft: Sayable, blobAbove = Infinity): Prepared => {
  const fields = isCommon(draft) ? commonFieldsOf(draft) : fieldsOf(draft);
  const data = draft.data ?? {};
  const value = valueOf(data);
  const large = outside(data, value.text, blobAbove);
  const line = large?.line ?? value;
  const escaped = escapeBody(draft.body ?? '');
  const body = escaped.length > TEXT_MAX ? Buffer.from(escaped) : escaped;
  const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  // The number first: what is short is joined at once.
  const lines = fields.text + line.text + BODY_BYTES + (bodyBytes + '\n');
  const lineBytes = lines.length + fields.wide + line.wide;
  if (lineBytes > HEADER_MAX - 1_024)
    throw new ConductorError(
      'too_large',
      `data and the other fields of a message hold at most ${HEADER_MAX} bytes; keep more in a file`,
    );
  if (bodyBytes > BODY_MAX)
    throw new ConductorError('too_large', `a body holds at most ${BODY_MAX} bytes; keep more in a file`);
  return { dedupe_key: draft.dedupe_key, lines, lineBytes, body, bodyBytes, blob: large?.blob };
};

export const encode = (record: Fields & { msg_id: string; ts: string }, key?: Buffer): Buffer =>
  seal(prepare(record), record, key);
