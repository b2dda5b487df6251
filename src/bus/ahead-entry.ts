/**
 * A batch in a write-ahead log:
 *
 *     magic      8 bytes
 *     round      u32        of the log: one more each time it begins again at the start of a half
 *     index      u32        in the round, from 0
 *     offset     f64        where the batch stands in the bus file, in bytes
 *     length     u32        of the batch, in bytes
 *     crc32      u32        over the head, with 0 in this place, and the first 128 bytes of the batch
 *     identity   64 bytes   the first of the bus file
 *     the batch
 *
 * All numbers are little-endian. The messages of the batch have checksums of their own, and their ids rise: what a round before
 * left of its messages in the place of these is older than the first, which the checksum of the head covers.
 */
import * as zlib from 'node:zlib';
import { Scanner } from './scanner.js';

const MAGIC = Buffer.from('BUSAHEAD', 'latin1');
const ROUND = 8;
const INDEX = 12;
const OFFSET = 16;
const LENGTH = 24;
const CRC = 28;
const IDENTITY = 32;
/** They hold the first id. */
const FIRST_BYTES = 128;

export const IDENTITY_BYTES = 64;
export const HEAD_BYTES = IDENTITY + IDENTITY_BYTES;

export interface Entry {
  /** Where the batch stands in the bus file. */
  offset: number;
  /** The first bytes of that file. */
  identity: Buffer;
  batch: Buffer;
}

const crcOf = (head: Buffer, batch: Buffer): number => zlib.crc32(batch.subarray(0, FIRST_BYTES), zlib.crc32(head));

/** Good until the next one. */
export const headOf = (entry: Entry, round: number, index: number): Buffer => {
  HEAD.writeUInt32LE(round, ROUND);
  HEAD.writeUInt32LE(index, INDEX);
  HEAD.writeDoubleLE(entry.offset, OFFSET);
  HEAD.writeUInt32LE(entry.batch.length, LENGTH);
  HEAD.writeUInt32LE(0, CRC);
  entry.identity.copy(HEAD, IDENTITY);
  HEAD.writeUInt32LE(crcOf(HEAD, entry.batch), CRC);
  return HEAD;
};
const HEAD = Buffer.alloc(HEAD_BYTES);
MAGIC.copy(HEAD);

const isWhole = (batch: Buffer): boolean => {
  const scanner = new Scanner(undefined);
  let last = '';
  for (const item of scanner.push(batch, true)) {
    if (item.kind !== 'event' || !item.event.sealed || item.event.msg_id <= last) return false;
    last = item.event.msg_id;
  }
  return scanner.position === batch.length;
};

const entryAt = (half: Buffer, at: number): (Entry & { round: number; index: number }) | undefined => {
  if (!half.subarray(at, at + MAGIC.length).equals(MAGIC) || half.length < at + HEAD_BYTES) return undefined;
  const head = Buffer.from(half.subarray(at, at + HEAD_BYTES));
  const from = at + HEAD_BYTES;
  const batch = half.subarray(from, from + head.readUInt32LE(LENGTH));
  const crc = head.readUInt32LE(CRC);
  head.writeUInt32LE(0, CRC);
  if (batch.length < head.readUInt32LE(LENGTH) || crcOf(head, batch) !== crc || !isWhole(batch)) return undefined;
  const offset = head.readDoubleLE(OFFSET);
  if (!Number.isSafeInteger(offset) || offset < 0) return undefined;
  return {
    round: head.readUInt32LE(ROUND),
    index: head.readUInt32LE(INDEX),
    offset,
    identity: head.subarray(IDENTITY),
    batch,
  };
};

/** Of its newest round: what is behind it is of an older one, or was never whole. */
export const entriesOf = (half: Buffer): Entry[] => {
  const entries: Entry[] = [];
  let round: number | undefined;
  for (let at = 0; ;) {
    const entry = entryAt(half, at);
    if (entry?.index !== entries.length || (round ?? entry.round) !== entry.round) return entries;
    round = entry.round;
    entries.push(entry);
    at += HEAD_BYTES + entry.batch.length;
  }
};
