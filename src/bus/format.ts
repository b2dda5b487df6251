/**
 * The codec of one record:
 *
 *     ---
 *     msg_id: MSG-…            ids, type and ts plain, every other value JSON, one line each
 *     data_blob: "5e88…"       only where data was too large: its sha256; `data` then holds its small fields alone
 *     body_bytes: 12           bytes of the escaped body, without its last newline
 *     mac: 9f…                 only on our own facts: HMAC-SHA256 over the lines above and the escaped body
 *     crc32: 1c291ca3          over the lines above and the escaped body
 *     ---
 *     escaped body
 *                              an empty line
 */
import * as zlib from 'node:zlib';
import { ConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import { crypto } from './crypto.js';
import { asciiJson, escapeBody, toHeaderJson } from './escape.js';

export const HEADER_MAX = 8 * 1024 * 1024;
export const BODY_MAX = 64 * 1024 * 1024;
/** In characters. */
const TEXT_MAX = 4_096;
const NEWLINE = 10;

/** Larger data lies in a file of its own. In bytes of JSON. */
export const BLOB_ABOVE = 32 * 1024;

export type Fields = Omit<Event, 'msg_id' | 'ts' | 'sealed' | 'authentic'>;

export interface Blob {
  sha256: string;
  bytes: Buffer;
}

/** All of a record but its id and time, which are given under the lock. */
export interface Prepared {
  readonly type: string;
  readonly dedupe_key: string | undefined;
  readonly lines: string;
  readonly lineBytes: number;
  /** Text while it is short: a buffer of its own would cost more than the bytes in it. */
  readonly body: Buffer | string;
  readonly bodyBytes: number;
  /** To be durable before the record is written. */
  readonly blob: Blob | undefined;
}

const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._:+-]*$/;

/** A line of a header, and how many bytes more than characters it has: to count all of them would cost more than the rest. */
interface Line {
  text: string;
  wide: number;
}

const said = (name: string, value: unknown): Line => {
  const simple = asciiJson(value);
  const json = simple ?? toHeaderJson(value);
  return { text: `${name}: ${json}\n`, wide: simple === undefined ? Buffer.byteLength(json) - json.length : 0 };
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

/** Every field but `data`, with the defaults of those that are left out. */
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

/** What is too large for the record is the blob that is answered. */
const writeData = (lines: Lines, data: Event['data'], blobAbove: number): Blob | undefined => {
  const line = said('data', data);
  if (line.text.length > blobAbove) {
    const bytes = Buffer.from(JSON.stringify(data));
    if (bytes.length > blobAbove) {
      const blob = blobOf(bytes);
      lines.add(said('data', smallFields(data)));
      lines.add(said('data_blob', blob.sha256));
      return blob;
    }
  }
  lines.add(line);
  return undefined;
};

/** `blobAbove`: how many bytes of JSON the data may have in the record itself. */
export const prepare = (draft: Sayable, blobAbove = Infinity): Prepared => {
  const lines = new Lines();
  lines.add(isCommon(draft) ? commonFieldsOf(draft) : fieldsOf(draft));
  const blob = writeData(lines, draft.data ?? {}, blobAbove);
  const text = escapeBody(draft.body ?? '');
  const body = text.length > TEXT_MAX ? Buffer.from(text) : text;
  const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  lines.ascii(`body_bytes: ${bodyBytes}\n`);
  const lineBytes = lines.text.length + lines.wide;
  if (lineBytes > HEADER_MAX - 1_024)
    throw new ConductorError(
      'too_large',
      `data and the other fields of a message hold at most ${HEADER_MAX} bytes; keep more in a file`,
    );
  if (bodyBytes > BODY_MAX)
    throw new ConductorError('too_large', `a body holds at most ${BODY_MAX} bytes; keep more in a file`);
  return { type: draft.type, dedupe_key: draft.dedupe_key, lines: lines.text, lineBytes, body, bodyBytes, blob };
};

export const macOf = (key: Buffer, header: Buffer | string, body: Buffer | string): string =>
  crypto().createHmac('sha256', key).update(header).update(body).digest('hex');

export const sameMac = (left: string, right: string): boolean =>
  left.length === right.length && crypto().timingSafeEqual(Buffer.from(left), Buffer.from(right));

export const crcOf = (header: Buffer, body: Buffer): string =>
  (body.length === 0 ? zlib.crc32(header) : zlib.crc32(body, zlib.crc32(header))).toString(16).padStart(8, '0');

const CRC_LINES = Buffer.from('crc32: 00000000\n---\n');
const CRC_BYTES = CRC_LINES.length;
/** Where its digits end. */
const CRC_DIGITS = 15;
const HEX = Buffer.from('0123456789abcdef');
/** What a record has beside its header and body: the checksum's line, a delimiter, and the end. */
export const SEAL_BYTES = CRC_BYTES + 2;

/** What a record begins with, before its id. */
export const RECORD = '---\nmsg_id: ';

/** What stands before the checksum. `key`: given for our own facts only. */
export const headOf = ({ lines, body }: Prepared, stamp: { msg_id: string; ts: string }, key?: Buffer): string => {
  const head = `${RECORD}${stamp.msg_id}\nts: ${stamp.ts}\n${lines}`;
  return key ? `${head}mac: ${macOf(key, head, body)}\n` : head;
};

/**
 * Header and body lie together from `from`: they become a record that begins at `to`, not before `from`. What lies behind
 * them up to its end is lost.
 */
export const sealAt = (bytes: Buffer, from: number, to: number, head: number, body: number): void => {
  let digits = zlib.crc32(bytes.subarray(from, from + head + body));
  const headEnd = to + head;
  const bodyAt = headEnd + CRC_BYTES;
  if (body > 0) bytes.copyWithin(bodyAt, from + head, from + head + body);
  if (to !== from) bytes.copyWithin(to, from, from + head);
  bytes.set(CRC_LINES, headEnd);
  for (let digit = headEnd + CRC_DIGITS; digit > headEnd + CRC_DIGITS - 8; digit -= 1) {
    bytes[digit - 1] = HEX[digits & 15] ?? 0;
    digits >>>= 4;
  }
  bytes[bodyAt + body] = bytes[bodyAt + body + 1] = NEWLINE;
};

/** One record as bytes; with a key it carries the MAC. */
export const seal = (prepared: Prepared, stamp: { msg_id: string; ts: string }, key?: Buffer): Buffer => {
  const { lines, lineBytes, body, bodyBytes } = prepared;
  const head = headOf(prepared, stamp, key);
  const headBytes = head.length - lines.length + lineBytes;
  const record = Buffer.allocUnsafe(headBytes + bodyBytes + SEAL_BYTES);
  record.write(typeof body === 'string' ? head + body : head);
  if (typeof body !== 'string') body.copy(record, headBytes);
  sealAt(record, 0, 0, headBytes, bodyBytes);
  return record;
};

export const encode = (record: Fields & { msg_id: string; ts: string }, key?: Buffer): Buffer =>
  seal(prepare(record), record, key);
