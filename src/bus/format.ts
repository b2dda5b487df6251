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
import { crypto } from './crypto.js';

export const HEADER_MAX = 8 * 1024 * 1024;
export const BODY_MAX = 64 * 1024 * 1024;
const NEWLINE = 10;

/** Larger data lies in a file of its own. In bytes of JSON. */
export const BLOB_ABOVE = 32 * 1024;

export interface Blob {
  sha256: string;
  bytes: Buffer;
}

/** All of a record but its id and time, which are given under the lock. */
export interface Prepared {
  readonly dedupe_key: string | undefined;
  readonly lines: string;
  readonly lineBytes: number;
  /** Text while it is short: a buffer of its own would cost more than the bytes in it. */
  readonly body: Buffer | string;
  readonly bodyBytes: number;
  /** To be durable before the record is written. */
  readonly blob: Blob | undefined;
}

export const macOf = (key: Buffer, header: Buffer | string, body: Buffer | string): string =>
  crypto().createHmac('sha256', key).update(header).update(body).digest('hex');

export const sameMac = (left: string, right: string): boolean =>
  left.length === right.length && crypto().timingSafeEqual(Buffer.from(left), Buffer.from(right));

export const crcOf = (header: Buffer, body: Buffer): number =>
  body.length === 0 ? zlib.crc32(header) : zlib.crc32(body, zlib.crc32(header));

/** The checksum whose eight digits begin at `at`; −1 where they do not. */
export const crcAt = (bytes: Buffer, at: number): number => {
  let crc = 0;
  for (let index = at; index < at + 8; index += 1) {
    const code = bytes[index] ?? 0;
    if (code >= 48 && code <= 57) crc = crc * 16 + code - 48;
    else if (code >= 97 && code <= 102) crc = crc * 16 + code - 87;
    else return -1;
  }
  return crc;
};

const CRC_LINES = Buffer.from('crc32: 00000000\n---\n');
const CRC_BYTES = CRC_LINES.length;
/** Where its digits end. */
const CRC_DIGITS = 15;
const HEX = Buffer.from('0123456789abcdef');
/** What a record has beside its header and body: the checksum's line, a delimiter, and the end. */
export const SEAL_BYTES = CRC_BYTES + 2;

/** What a record begins with, before its id. */
export const RECORD = '---\nmsg_id: ';

/** Many messages share it with the one before. */
let timed = { ts: '', line: '' };

const timeLine = (ts: string): string => {
  if (timed.ts !== ts) timed = { ts, line: `\nts: ${ts}\n` };
  return timed.line;
};

/** What stands before the checksum. `key`: given for our own facts only. */
export const headOf = ({ lines, body }: Prepared, stamp: { msg_id: string; ts: string }, key?: Buffer): string => {
  const head = RECORD + stamp.msg_id + timeLine(stamp.ts) + lines;
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
