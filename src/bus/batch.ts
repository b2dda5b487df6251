/** The bytes of one write: records sealed one after the other into a buffer that is used again for the next. */
import { mostBytes, sealInto, type Prepared } from './format.js';

const KEPT = 1024 * 1024;

export class Batch {
  #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #end = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  /** Forgets what was in it. `lead`: comes before the first record. */
  begin(lead: string): void {
    if (this.#buffer.length > KEPT) this.#buffer = Buffer.allocUnsafeSlow(KEPT);
    this.#end = lead === '' ? 0 : this.#buffer.write(lead, 'latin1');
  }

  /** `key`: given for our own facts only. */
  add(record: Prepared, stamp: { msg_id: string; ts: string }, key?: Buffer): void {
    const most = this.#end + mostBytes(record);
    if (most > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(most, 2 * this.#buffer.length));
      this.#buffer.copy(grown, 0, 0, this.#end);
      this.#buffer = grown;
    }
    this.#end = sealInto(this.#buffer, this.#end, record, stamp, key);
  }
}
