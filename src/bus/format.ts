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
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import * as zlib from 'node:zlib';
import { ConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import { escapeBody, toHeaderJson } from './escape.js';

export const HEADER_MAX = 8 * 1024 * 1024;
export const BODY_MAX = 64 * 1024 * 1024;

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
  readonly body: Buffer;
  /** To be durable before the record is written. */
  readonly blob?: Blob;
}

const PLAIN = new Set(['project_id', 'task_id', 'run_id', 'type']);
const ORDER = [
  'type',
  'project_id',
  'task_id',
  'run_id',
  'source',
  'actor',
  'parents',
  'depth',
  'dedupe_key',
  'trust',
  'issue_id',
  'meta',
  'links',
  'data',
] as const satisfies readonly (keyof Fields)[];

const headerLine = (key: string, value: unknown): string =>
  PLAIN.has(key) && typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._:+-]*$/.test(value)
    ? `${key}: ${value}\n`
    : `${key}: ${toHeaderJson(value)}\n`;

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

/** `blobAbove`: how many bytes of JSON the data may have in the record itself. */
export const prepare = (fields: Fields, blobAbove = Infinity): Prepared => {
  let lines = '';
  let blob: Blob | undefined;
  for (const key of ORDER) {
    if (fields[key] !== undefined) lines += headerLine(key, fields[key]);
    if (key !== 'data' || lines.length <= blobAbove) continue;
    const bytes = Buffer.from(JSON.stringify(fields.data));
    if (bytes.length <= blobAbove) continue;
    if (bytes.length > BODY_MAX)
      throw new ConductorError('too_large', `data holds at most ${BODY_MAX} bytes; keep more in a file`);
    blob = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes };
    lines = lines.slice(0, lines.lastIndexOf('\n', lines.length - 2) + 1);
    lines += headerLine('data', smallFields(fields.data)) + headerLine('data_blob', blob.sha256);
  }
  const body = Buffer.from(escapeBody(fields.body));
  lines += `body_bytes: ${body.length}\n`;
  if (3 * lines.length > HEADER_MAX - 1_024 && Buffer.byteLength(lines) > HEADER_MAX - 1_024)
    throw new ConductorError(
      'too_large',
      `data and the other fields of a message hold at most ${HEADER_MAX} bytes; keep more in a file`,
    );
  if (body.length > BODY_MAX)
    throw new ConductorError('too_large', `a body holds at most ${BODY_MAX} bytes; keep more in a file`);
  return { type: fields.type, dedupe_key: fields.dedupe_key, lines, body, ...(blob ? { blob } : {}) };
};

export const macOf = (key: Buffer, header: Buffer | string, body: Buffer): string =>
  createHmac('sha256', key).update(header).update(body).digest('hex');

export const sameMac = (left: string, right: string): boolean =>
  left.length === right.length && timingSafeEqual(Buffer.from(left), Buffer.from(right));

export const crcOf = (header: Buffer, body: Buffer): string =>
  (body.length === 0 ? zlib.crc32(header) : zlib.crc32(body, zlib.crc32(header))).toString(16).padStart(8, '0');

/** `key`: given for our own facts only. */
export const seal = (prepared: Prepared, stamp: { msg_id: string; ts: string }, key?: Buffer): Buffer => {
  let head = `---\nmsg_id: ${stamp.msg_id}\nts: ${stamp.ts}\n${prepared.lines}`;
  if (key) head += `mac: ${macOf(key, head, prepared.body)}\n`;
  const header = Buffer.from(head);
  const crc = `crc32: ${crcOf(header, prepared.body)}\n---\n`;
  const record = Buffer.allocUnsafe(header.length + crc.length + prepared.body.length + 2);
  let at = header.copy(record);
  at += record.write(crc, at, 'latin1');
  at += prepared.body.copy(record, at);
  record.write('\n\n', at, 'latin1');
  return record;
};

/** One record as bytes; with a key it carries the MAC. */
export const encode = (record: Fields & { msg_id: string; ts: string }, key?: Buffer): Buffer =>
  seal(prepare(record), record, key);
