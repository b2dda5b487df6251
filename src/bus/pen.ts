/** What is done while the lock is held: the ids are given, known dedupe keys answered, and all of it written at once. */
import { DEDUPE_MS } from '../core/dedupe.js';
import { ConductorError } from '../core/errors.js';
import type { Clock, Receipt } from '../core/ports.js';
import { Batch } from './batch.js';
import type { Stretch } from './durability.js';
import { breath, STRETCH } from './file.js';
import type { Prepared } from './format.js';
import { ClosedKeys, LiveKeys, type Written } from './known.js';
import { LiveFile, type Rotation } from './live.js';
import type { Place } from './remembered.js';
import { nextMoment, stampOf, type Moment } from './stamp.js';
import type { Marks } from './tenure.js';

export interface PenOptions {
  root: string;
  key: Buffer;
  clock: Pick<Clock, 'now'>;
  /** Without it this writer closes the live file only where it may not grow. */
  rotation?: Rotation;
  /** File of the thread that builds the index of a segment that was closed; missing: it is built here. */
  indexer?: string | undefined;
}

/** What one caller says. */
export interface Said {
  readonly prepared: readonly Prepared[];
  readonly own: boolean;
}

export interface Manner {
  /** Whether any of it has to be looked up. */
  keyed: boolean;
  /** What others wrote was read just before: whatever is left of it is little. */
  isPrepared: boolean;
  /** A segment that is closed is made durable first. */
  durable: boolean;
  /** False while the open file is still being made durable. */
  mayReopen: boolean;
}

interface Fresh {
  msg_id: string;
  own: boolean;
}

export class Pen {
  readonly live: LiveFile;
  /** Where the last of it was written, if that is all that stands there. */
  place: Place | undefined;
  /** Nobody else wrote before the last batch with keys: before the next there is nothing to prepare. */
  isAlone = false;
  /** What was written last; good until the next is. */
  stretch: Stretch | undefined;
  readonly #key: Buffer;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #rotation: Rotation | undefined;
  #liveKeys: LiveKeys;
  readonly #closedKeys: ClosedKeys;
  readonly #batch = new Batch();
  /** Ids that were written into a file which had lost its name, and so count as never given. */
  readonly #stray = new Set<string>();
  #seq = 0;
  #now = 0;
  #last: Moment | undefined;
  #lastOwn: Moment | undefined;
  #written: Written[] = [];
  #fresh: Map<string, Fresh> | undefined;

  constructor({ root, key, clock, rotation, indexer }: PenOptions, marks: Marks) {
    this.live = new LiveFile(root, marks);
    this.#key = key;
    this.#clock = clock;
    this.#rotation = rotation;
    this.#liveKeys = new LiveKeys(key);
    this.#closedKeys = new ClosedKeys(root, key, indexer);
  }

  #open(): void {
    if (!this.live.open()) return;
    if (this.live.left) this.#closedKeys.hand(this.live.left.path, this.#liveKeys);
    this.#liveKeys = new LiveKeys(this.#key);
    this.#closedKeys.forget();
  }

  /** Before the lock is taken: the long way to the keys, so that little is left to be read under it. */
  async prepareKeys(mayReopen: boolean): Promise<void> {
    // A suspect file is left for another only under the lock.
    if (mayReopen && !this.live.suspect) this.#open();
    else if (!this.live.tenure.isCurrent()) return;
    const known = this.#liveKeys.next;
    while (!this.#liveKeys.step(this.live.fd, this.live.size)) await breath();
    this.isAlone = this.#liveKeys.next === known;
    if (!this.#closedKeys.isReady) await this.#closedKeys.prepare(this.#clock.now() - DEDUPE_MS);
  }

  /** Opens the live file and learns what others wrote. Undefined: another file has to be opened, and may not be now. */
  #catchUp({ durable, mayReopen }: Manner): number | undefined {
    if (!mayReopen && (this.live.suspect || !this.live.tenure.isCurrent())) return undefined;
    if (this.live.suspect) this.live.renew();
    if (mayReopen) this.#open();
    const size = this.live.catchUp();
    if (!this.live.isDue(this.#rotation, this.#now)) return size;
    if (!mayReopen) return undefined;
    this.live.rotate(durable);
    this.#open();
    return this.live.catchUp();
  }

  #find(dedupe_key: string, own: boolean): string | undefined {
    const known = this.#liveKeys.find(dedupe_key, own) ?? this.#closedKeys.find(dedupe_key, own);
    if (known !== undefined && !this.#stray.has(known)) return known;
    const here = this.#fresh?.get(dedupe_key);
    return here && (!own || here.own) ? here.msg_id : undefined;
  }

  #give(record: Prepared, own: boolean): Receipt {
    const { dedupe_key } = record;
    const first = dedupe_key === undefined ? undefined : this.#find(dedupe_key, own);
    if (first !== undefined) return { msg_id: first, duplicate: true };
    this.#last = nextMoment(this.#now, this.#last);
    const stamp = stampOf(this.#last, process.pid, ++this.#seq);
    const { msg_id } = stamp;
    this.#batch.add(record, stamp, own ? this.#key : undefined);
    if (dedupe_key !== undefined) {
      this.#written.push({ msg_id, dedupe_key, own });
      if (!this.#fresh?.get(dedupe_key)?.own)
        (this.#fresh ??= new Map<string, Fresh>()).set(dedupe_key, { msg_id, own });
    }
    if (own) this.#lastOwn = this.#last;
    return { msg_id, duplicate: false };
  }

  /**
   * Under the lock. Undefined: begin again, since another file has to be opened, the keys of closed segments have to be
   * read first, or the file lost its name.
   */
  write(calls: readonly Said[], manner: Manner): Receipt[][] | undefined {
    const { live } = this;
    const { keyed, isPrepared } = manner;
    this.stretch = undefined;
    this.#now = this.#clock.now();
    const size = this.#catchUp(manner);
    if (size === undefined) return undefined;
    if (keyed) {
      const unknown = size - this.#liveKeys.next;
      if (unknown !== 0) this.isAlone = false;
      if (!this.#closedKeys.isReady || (!isPrepared && (unknown < 0 || unknown > STRETCH))) return undefined;
      if (unknown !== 0) this.#liveKeys.catchUp(live.fd, size);
    }
    this.#fresh = undefined;
    this.#written = [];
    this.#last = live.last;
    this.#lastOwn = undefined;
    const lead = live.mend(size);
    this.#batch.begin(lead);
    const given: Receipt[][] = [];
    for (const { prepared, own } of calls) {
      const receipts = new Array<Receipt>(prepared.length);
      for (let index = 0; index < prepared.length; index += 1) receipts[index] = this.#give(prepared[index]!, own);
      given.push(receipts);
    }
    const newest = this.#last === live.last ? undefined : this.#last;
    const bytes = newest && this.#batch.seal();
    if (bytes) live.write(bytes, size, newest);
    // Where locks do not work, a file that another closed meanwhile has been read to its end.
    if (!live.tenure.isSure && !live.tenure.isCurrent()) return this.#lose(given);
    this.stretch = bytes && { from: size, bytes };
    this.place = bytes && lead === '' ? { ino: live.tenure.ino, from: size, to: size + bytes.length } : undefined;
    if (bytes) this.#liveKeys.skip(size, size + bytes.length, this.#written, this.#lastOwn);
    return given;
  }

  #lose(given: readonly (readonly Receipt[])[]): undefined {
    for (const { msg_id, duplicate } of given.flat()) if (!duplicate) this.#stray.add(msg_id);
    this.live.tenure.end();
  }

  async close(): Promise<void> {
    this.live.close();
    await this.#closedKeys.close();
  }

  /** False: other hands took the file's name while this was written, and it has to be written again. */
  isKept(given: readonly (readonly Receipt[])[]): boolean {
    if (this.live.tenure.wasKept()) return true;
    this.#lose(given);
    return false;
  }
}

export const replacedError = (path: string): ConductorError =>
  new ConductorError('storage', `${path} is replaced again and again while it is written`);
