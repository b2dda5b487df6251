/** The bytes of one write: the texts of all records are written out together, then each is sealed. */
import { headOf, SEAL_BYTES, sealAt, type Prepared } from './format.js';

type Bytes = Buffer<ArrayBuffer>;

const KEPT = 1024 * 1024;
/** In characters: what is written out at once. */
const TEXT_MOST = 64 * 1024;

export class Batch {
  /** Used again for the next. */
  #bytes: Bytes = Buffer.allocUnsafeSlow(64 * 1024);
  #end = 0;
  /** What comes next in it. */
  #text = '';
  #textBytes = 0;
  /** The lengths of header and body of each record. */
  #lengths: number[] = [];
  #lead = '';

  /** Forgets what was in it. `lead`: comes before the first record. */
  begin(lead: string): void {
    if (this.#bytes.length > KEPT) this.#bytes = Buffer.allocUnsafeSlow(KEPT);
    this.#end = lead.length;
    this.#lead = lead;
    this.#text = '';
    this.#textBytes = 0;
    this.#lengths = [];
  }

  #makeRoom(most: number): void {
    if (most <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(most, 2 * this.#bytes.length));
    this.#bytes.copy(grown, 0, 0, this.#end);
    this.#bytes = grown;
  }

  #writeText(): void {
    this.#makeRoom(this.#end + this.#textBytes);
    // Of characters of one byte each, which are copied as they are.
    const encoding = this.#text.length === this.#textBytes ? 'latin1' : 'utf8';
    this.#end += this.#bytes.write(this.#text, this.#end, encoding);
    this.#text = '';
    this.#textBytes = 0;
  }

  /** `key`: given for our own facts only. */
  add(record: Prepared, stamp: { msg_id: string; ts: string }, key?: Buffer): void {
    const { lines, lineBytes, body, bodyBytes } = record;
    const head = headOf(record, stamp, key);
    // What is not of the lines is ASCII.
    const headBytes = head.length - lines.length + lineBytes;
    this.#lengths.push(headBytes, bodyBytes);
    this.#text += head;
    this.#textBytes += headBytes;
    if (typeof body === 'string') {
      this.#text += body;
      this.#textBytes += bodyBytes;
      if (this.#text.length > TEXT_MOST) this.#writeText();
    } else {
      this.#writeText();
      this.#makeRoom(this.#end + bodyBytes);
      this.#end += body.copy(this.#bytes, this.#end);
    }
  }

  /** Good until it is begun anew. */
  seal(): Buffer {
    this.#writeText();
    const lengths = this.#lengths;
    const size = this.#end + SEAL_BYTES * (lengths.length / 2);
    this.#makeRoom(size);
    const bytes = this.#bytes;
    // From the last on, so that each makes room for the seals before it.
    let from = this.#end;
    let to = size;
    for (let index = lengths.length - 2; index >= 0; index -= 2) {
      const head = lengths[index] ?? 0;
      const body = lengths[index + 1] ?? 0;
      from -= head + body;
      to -= head + body + SEAL_BYTES;
      sealAt(bytes, from, to, head, body);
    }
    bytes.write(this.#lead, 'latin1');
    return bytes.subarray(0, size);
  }
}
