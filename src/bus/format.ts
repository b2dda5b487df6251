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
import { escapeBody, toHeaderJson } from './escape.js';

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

/** The lines of a header while it is written, with their length in bytes. */
class Lines {
  text = '';
  bytes = 0;

  ascii(lines: string): void {
    this.text += lines;
    this.bytes += lines.length;
  }

  plain(key: string, value: string): void {
    if (PLAIN.test(value)) this.ascii(`${key}: ${value}\n`);
    else this.json(key, value);
  }

  json(key: string, value: unknown): void {
    this.said(key, toHeaderJson(value));
  }

  said(key: string, json: string): void {
    this.text += `${key}: ${json}\n`;
    this.bytes += key.length + 3 + Buffer.byteLength(json);
  }
}

/** A draft, or the fields of an event. */
export type Sayable = { readonly type: string } & { readonly [Key in keyof Fields]?: Fields[Key] | undefined };

/** Every field but `data`, with the defaults of those that are left out. */
const writeFields = (lines: Lines, draft: Sayable): void => {
  lines.plain('type', draft.type);
  if (draft.project_id === undefined) lines.ascii('project_id: default\n');
  else lines.plain('project_id', draft.project_id);
  if (draft.task_id !== undefined) lines.plain('task_id', draft.task_id);
  if (draft.run_id !== undefined) lines.plain('run_id', draft.run_id);
  if (draft.source === undefined) lines.ascii('source: "cli"\n');
  else lines.json('source', draft.source);
  if (draft.actor !== undefined) lines.json('actor', draft.actor);
  if (draft.parents?.length) lines.json('parents', draft.parents);
  else lines.ascii('parents: []\n');
  lines.ascii(`depth: ${draft.depth ?? 0}\n`);
  if (draft.dedupe_key !== undefined) lines.json('dedupe_key', draft.dedupe_key);
  lines.ascii(`trust: "${draft.trust ?? 'full'}"\n`);
  if (draft.issue_id !== undefined) lines.json('issue_id', draft.issue_id);
  if (draft.meta !== undefined) lines.json('meta', draft.meta);
  if (draft.links !== undefined) lines.json('links', draft.links);
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
  const json = toHeaderJson(data);
  if (json.length > blobAbove) {
    const bytes = Buffer.from(JSON.stringify(data));
    if (bytes.length > blobAbove) {
      const blob = blobOf(bytes);
      lines.json('data', smallFields(data));
      lines.json('data_blob', blob.sha256);
      return blob;
    }
  }
  lines.said('data', json);
  return undefined;
};

/** `blobAbove`: how many bytes of JSON the data may have in the record itself. */
export const prepare = (draft: Sayable, blobAbove = Infinity): Prepared => {
  const { type, data = {}, dedupe_key } = draft;
  const lines = new Lines();
  writeFields(lines, draft);
  const blob = writeData(lines, data, blobAbove);
  const text = escapeBody(draft.body ?? '');
  const body = text.length > TEXT_MAX ? Buffer.from(text) : text;
  const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  lines.ascii(`body_bytes: ${bodyBytes}\n`);
  const { text: lineText, bytes: lineBytes } = lines;
  if (lineBytes > HEADER_MAX - 1_024)
    throw new ConductorError(
      'too_large',
      `data and the other fields of a message hold at most ${HEADER_MAX} bytes; keep more in a file`,
    );
  if (bodyBytes > BODY_MAX)
    throw new ConductorError('too_large', `a body holds at most ${BODY_MAX} bytes; keep more in a file`);
  return { type, dedupe_key, lines: lineText, lineBytes, body, bodyBytes, blob };
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
/** Of the fixed parts of a record: id, time, MAC, checksum and delimiters. */
const FRAME_MAX = 512;

/** How many bytes a record takes at most. */
export const mostBytes = ({ lineBytes, bodyBytes }: Prepared): number => FRAME_MAX + lineBytes + bodyBytes;

/** Writes a record into `target`, which has room; answers where it ends. `key`: given for our own facts only. */
export const sealInto = (
  target: Buffer,
  at: number,
  { lines, lineBytes, body, bodyBytes }: Prepared,
  stamp: { msg_id: string; ts: string },
  key?: Buffer,
): number => {
  let head = `---\nmsg_id: ${stamp.msg_id}\nts: ${stamp.ts}\n${lines}`;
  if (key) head += `mac: ${macOf(key, head, body)}\n`;
  // Of characters of one byte each, which are copied as they are.
  const encoding = lines.length + body.length === lineBytes + bodyBytes ? 'latin1' : 'utf8';
  // The checksum is over header and body together, then the body makes room for it.
  let end = at + target.write(typeof body === 'string' ? head + body : head, at, encoding);
  if (typeof body !== 'string') end += body.copy(target, end);
  const crc = zlib.crc32(target.subarray(at, end));
  const headEnd = end - bodyBytes;
  if (bodyBytes > 0) target.copyWithin(headEnd + CRC_BYTES, headEnd, end);
  CRC_LINES.copy(target, headEnd);
  let digits = crc;
  for (let digit = headEnd + CRC_DIGITS; digit > headEnd + CRC_DIGITS - 8; digit -= 1) {
    target[digit - 1] = HEX[digits & 15] ?? 0;
    digits >>>= 4;
  }
  end += CRC_BYTES;
  target[end] = target[end + 1] = NEWLINE;
  return end + 2;
};

/** One record as bytes; with a key it carries the MAC. */
export const seal = (prepared: Prepared, stamp: { msg_id: string; ts: string }, key?: Buffer): Buffer => {
  const record = Buffer.allocUnsafe(mostBytes(prepared));
  return record.subarray(0, sealInto(record, 0, prepared, stamp, key));
};

export const encode = (record: Fields & { msg_id: string; ts: string }, key?: Buffer): Buffer =>
  seal(prepare(record), record, key);
