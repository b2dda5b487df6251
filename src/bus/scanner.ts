/**
 * Reads a stretch of the bus as it comes. Fed with chunks, it says messages and damaged ranges in file order; what is not
 * whole yet stays pending. After damage it goes on at the next `---` line, which no body can hold.
 */
import type { Event } from '../core/event.js';
import { unescapeBody } from './escape.js';
import { foreignEvent, legacyEvent, strictEvent } from './fields.js';
import { BODY_MAX, HEADER_MAX, crcAt, crcOf, macOf, sameMac } from './format.js';
import { parseHeader, PLACE, type HeaderValues } from './header.js';
import { isAfter, momentOf, type Moment } from './stamp.js';
import { Search, type Wanted } from './wanted.js';

export type Item =
  | { kind: 'event'; event: Event; from: number; to: number }
  | { kind: 'damaged'; from: number; to: number; reason: string };

export interface ScannerOptions {
  /** Whole records without it are passed over unread. */
  wanted?: Wanted | undefined;
}

interface Header {
  values: HeaderValues;
  /** Where the last line begins, if it is `crc32:`, else −1; and where the body begins. */
  crc: number;
  body: number;
  foreign: boolean;
}

const NEWLINE = 10;
const DASH = 45;
const CRC_LINE = '\ncrc32: '.length + 8;
const DELIMITER = Buffer.from('\n---\n');
const CRC_NAME = Buffer.from('\ncrc32: ');
const isCrcLine = (buffer: Buffer, at: number): boolean => {
  for (let index = 0; index < CRC_NAME.length; index += 1) if (buffer[at + index] !== CRC_NAME[index]) return false;
  return true;
};
const MAC_LINE = 'mac: '.length + 64 + 1;
const EMPTY: Buffer = Buffer.alloc(0);
const JUNK_MAX = 1024 * 1024;

export class Scanner {
  #buffer = EMPTY;
  /** What `room` gives; the buffer is then a stretch of it. */
  #store: Buffer = EMPTY;
  /** Position in the file of the buffer's first byte: everything before it was said. */
  #base: number;
  readonly #key: Buffer | undefined;
  /** Of our own facts so far. Ids rise, so a fact that is not newer is a copy of one, and is not believed again. */
  #newest: Moment | undefined;

  readonly #search: Search | undefined;

  /** `newest`: of our own facts before `start`. */
  constructor(key: Buffer | undefined, start = 0, newest?: Moment, { wanted }: ScannerOptions = {}) {
    this.#key = key;
    this.#base = start;
    this.#newest = newest;
    this.#search = wanted && new Search(wanted);
  }

  /** Of our own facts so far. */
  get newest(): Moment | undefined {
    return this.#newest;
  }

  /** Just after the last item said (and the empty lines after it). */
  get position(): number {
    return this.#base;
  }

  /** Where the next chunk has to begin. */
  get next(): number {
    return this.#base + this.#buffer.length;
  }

  /** `last`: nothing follows for now, so a foreign record at the end is whole if its last line is. */
  push(chunk: Buffer, last = false): Item[] {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    return this.#say(last);
  }

  /** Where the next `size` bytes may be put, before `took`: in memory that is used again and again. */
  room(size: number): Buffer {
    const pending = this.#buffer.length;
    if (this.#store.length < pending + size) {
      const store = Buffer.allocUnsafe(pending + size);
      this.#buffer.copy(store);
      this.#store = store;
    } else {
      this.#buffer.copy(this.#store);
    }
    this.#buffer = this.#store.subarray(0, pending);
    return this.#store.subarray(pending, pending + size);
  }

  /** As push, of what was put there. */
  took(count: number, last = false): Item[] {
    this.#buffer = this.#store.subarray(0, this.#buffer.length + count);
    return this.#say(last);
  }

  #say(last: boolean): Item[] {
    const items: Item[] = [];
    let at = 0;
    this.#search?.begin();
    for (;;) {
      while (this.#buffer[at] === NEWLINE) at += 1;
      if (at >= this.#buffer.length) break;
      const passed = this.#search ? this.#pass(at, this.#search) : at;
      if (passed > at) {
        at = passed;
        continue;
      }
      const item = this.#isDelimiter(at) ? this.#record(at, last) : this.#text(at);
      if (!item) break;
      at = item.to - this.#base;
      items.push(item);
    }
    this.#buffer = this.#buffer.subarray(at);
    this.#base += at;
    return items;
  }

  /** Goes on behind what is known without being read. Nothing may be pending. `newest`: of our own facts in it. */
  skip(to: number, newest: Moment | undefined): void {
    this.#base = to;
    if (newest) this.#newest = newest;
  }

  /** The file ends here for good: what is still pending never becomes a message. */
  end(): Item[] {
    const items = this.push(EMPTY, true);
    if (this.#buffer.length > 0) {
      items.push(this.#damaged(0, this.#buffer.length, 'the file ends within a message'));
      this.#base += this.#buffer.length;
      this.#buffer = EMPTY;
    }
    return items;
  }

  /** Just after a sealed record's stretch that is not wanted; `at` itself when it has to be read. */
  #pass(at: number, search: Search): number {
    const buffer = this.#buffer;
    if (!this.#isDelimiter(at)) return at;
    const end = buffer.indexOf(DELIMITER, at + 4);
    // Only a header that ends as ours do: a torn one would take its neighbour along.
    if (end < 0 || end - CRC_LINE < at || !isCrcLine(buffer, end - CRC_LINE)) return at;
    if (search.isIn(buffer, at, end + 1)) return at;
    const next = buffer.indexOf(DELIMITER, end + 4);
    return next < 0 ? at : next + 1;
  }

  #isDelimiter(at: number): boolean {
    const buffer = this.#buffer;
    return buffer[at] === DASH && buffer[at + 1] === DASH && buffer[at + 2] === DASH && buffer[at + 3] === NEWLINE;
  }

  /** The next `---` line at or after `from`, which is the beginning of a line; −1 when there is none yet. */
  #nextDelimiter(from: number): number {
    if (this.#isDelimiter(from)) return from;
    const found = this.#buffer.indexOf(DELIMITER, from);
    return found < 0 ? -1 : found + 1;
  }

  #damaged(from: number, to: number, reason: string): Item {
    return { kind: 'damaged', from: this.#base + from, to: this.#base + to, reason };
  }

  /** From `at` to the next `---` line; pending while there is none, unless it grows too long. */
  #skip(at: number, searchFrom: number, reason: string): Item | undefined {
    const next = this.#nextDelimiter(searchFrom);
    if (next >= 0) return this.#damaged(at, next, reason);
    const end = this.#buffer.lastIndexOf(NEWLINE) + 1;
    return end - at > JUNK_MAX && this.#buffer.length - at > BODY_MAX ? this.#damaged(at, end, reason) : undefined;
  }

  /** `'pending'`: more bytes are needed; undefined: this is no header. */
  #header(at: number): Header | 'pending' | undefined {
    const end = this.#buffer.indexOf(DELIMITER, at + 3);
    if (end < 0) return this.#buffer.length - at > HEADER_MAX ? undefined : 'pending';
    if (end - at > HEADER_MAX) return undefined;
    const text = this.#buffer.toString('utf8', at + 4, end + 1);
    const parsed = parseHeader(text);
    if (!parsed) return undefined;
    const { values, last, foreign } = parsed;
    // The checksum is the last line, and a MAC the one before; each has one length only.
    const crc = text.length - last === CRC_LINE && text.startsWith('crc32: ', last) ? end + 1 - CRC_LINE : -1;
    return { values, crc, body: end + 5, foreign };
  }

  #record(at: number, last: boolean): Item | undefined {
    const header = this.#header(at);
    if (header === 'pending') return undefined;
    if (!header) return this.#skip(at, at + 4, 'the header breaks off');
    const { values } = header;
    const body_bytes = values[PLACE.body_bytes];
    const crc = values[PLACE.crc32];
    if (body_bytes === undefined && crc === undefined && values[PLACE.mac] === undefined) {
      // Nobody writes it; where a disk lost what was written it stands.
      const isLost = this.#buffer.subarray(at, header.body).includes(0);
      return isLost ? this.#skip(at, header.body, 'the header is damaged') : this.#foreign(at, header, last);
    }

    const length = Number(body_bytes);
    if (header.foreign || crc === undefined || header.crc < 0 || !/^\d{1,9}$/.test(body_bytes ?? '')) {
      return this.#skip(at, header.body, 'the header is damaged');
    }
    const end = header.body + length;
    const stop = length === 0 ? -1 : this.#nextDelimiter(header.body);
    if (stop >= 0 && stop <= end) return this.#damaged(at, stop, 'the body breaks off');
    if (length > BODY_MAX) return this.#skip(at, header.body, 'the body is too long');
    if (end >= this.#buffer.length) return undefined;
    const head = this.#buffer.subarray(at, header.crc);
    const body = length === 0 ? EMPTY : this.#buffer.subarray(header.body, end);
    if (this.#buffer[end] !== NEWLINE || crcOf(head, body) !== crcAt(this.#buffer, header.body - 13)) {
      return this.#skip(at, header.body, 'length or checksum do not fit');
    }
    const text = length === 0 ? '' : unescapeBody(body.toString('utf8'));
    const event = strictEvent(values, text, this.#isAuthentic(at, header, body));
    if (!event) return this.#damaged(at, end + 1, 'a field has the wrong shape');
    return { kind: 'event', event, from: this.#base + at, to: this.#base + end + 1 };
  }

  /** The MAC is the line just before the checksum, so that nothing it does not cover is read. */
  #isAuthentic(at: number, header: Header, body: Buffer): boolean {
    const mac = header.values[PLACE.mac];
    if (mac === undefined || !this.#key) return false;
    const line = header.crc - MAC_LINE;
    if (line <= at || this.#buffer.toString('latin1', line - 1, header.crc) !== `\nmac: ${mac}\n`) return false;
    if (!sameMac(mac, macOf(this.#key, this.#buffer.subarray(at, line), body))) return false;
    const moment = momentOf(header.values[PLACE.msg_id] ?? '');
    if (moment === undefined) return false;
    if (this.#newest && !isAfter(moment, this.#newest)) return false;
    this.#newest = moment;
    return true;
  }

  #foreign(at: number, header: Header, last: boolean): Item | undefined {
    let to = this.#nextDelimiter(header.body);
    if (to < 0) {
      const whole = this.#buffer[this.#buffer.length - 1] === NEWLINE;
      if (!(last && whole) && this.#buffer.length - at <= BODY_MAX) return undefined;
      to = this.#buffer.length;
    }
    const body = unescapeBody(this.#buffer.toString('utf8', header.body, to).replace(/\s+$/, ''));
    return {
      kind: 'event',
      event: foreignEvent(header.values, body, this.#base + at),
      from: this.#base + at,
      to: this.#base + to,
    };
  }

  /** Outside of records: a legacy line, or text that is none. */
  #text(at: number): Item | undefined {
    let line = at;
    for (;;) {
      const end = this.#buffer.indexOf(NEWLINE, line);
      if (line > at && (this.#isDelimiter(line) || line - at > JUNK_MAX)) break;
      if (end < 0) return undefined;
      const event =
        this.#buffer[line] === 91
          ? legacyEvent(this.#buffer.toString('utf8', line, end), this.#base + line)
          : undefined;
      if (event && line === at) return { kind: 'event', event, from: this.#base + at, to: this.#base + end + 1 };
      if (event) break;
      line = end + 1;
    }
    return this.#damaged(at, line, 'text outside of any message');
  }
}
