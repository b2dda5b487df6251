/** The file that has the bus's name now, as its writers see it. Everything here happens under the lock. */
import { closeSync, constants, fdatasyncSync, fstatSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { busPath, readRange } from './file.js';
import { endOfBytes, lastMoment, lastMomentIn, NARROW } from './last.js';
import { firstSealed } from './locate.js';
import { renew } from './renew.js';
import { closedAs, closedPath, closedSegments, numberAfter, type Segment } from './segments.js';
import { isAfter, type Moment } from './stamp.js';
import { Tenure, type Marks } from './tenure.js';

const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

/** Otherwise the first look after each write changes the file's time, which takes its part of the journal. For owners only. */
const UNNOTICED = constants.O_NOATIME ?? 0;

const openLive = (path: string): number => {
  try {
    return openSync(path, FLAGS | UNNOTICED, 0o640);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    return openSync(path, FLAGS, 0o640);
  }
};

/** For what others wrote since we last looked; mostly nothing. */
const PROBE = Buffer.allocUnsafe(4 * 1024);

/** When the live file is closed and a new one begun. */
export interface Rotation {
  bytes: number;
  /** Since its first message. */
  age_ms: number;
}

export class LiveFile {
  readonly #root: string;
  readonly #path: string;
  readonly tenure: Tenure;
  #fd = -1;
  /** How far its end is known. */
  #seen = 0;
  /** Nothing is torn at this end. */
  #clean = -1;
  #first: number | undefined;
  #last: Moment | undefined;
  /** It may not grow any more. */
  #full = false;
  /** What the file that was open before has become; undefined where that is no closed segment. */
  left: Segment | undefined;
  #suspect = false;
  /** The folder entry is durable. */
  folderSynced = false;
  /** Some of what is acknowledged is durable in a write-ahead log alone. */
  owing = false;
  /** How many files were opened so far. */
  opened = 0;
  onMistrust: (() => void) | undefined;

  constructor(root: string, marks: Marks) {
    this.#root = root;
    this.#path = busPath(root);
    this.tenure = new Tenure(root, marks);
  }

  /** An fdatasync failed: nothing in it counts as durable. */
  get suspect(): boolean {
    return this.#suspect;
  }

  mistrust(): void {
    this.#suspect = true;
    this.onMistrust?.();
  }

  get fd(): number {
    return this.#fd;
  }

  /** Of the last message, in this file or before it. */
  get last(): Moment | undefined {
    return this.#last;
  }

  /**
   * As of now. Who looks at a file's times, as every stat does, makes the kernel give the next write a time of its own and
   * put that into its journal: then writers wait for each other's journal, with the lock in their hands.
   */
  get size(): number {
    return this.#look().size;
  }

  /** `tail`: what came since the end was seen, from the line break before. */
  #look(): { size: number; tail: Buffer | undefined } {
    const from = this.#seen - 1;
    const count = from < 0 ? 0 : readSync(this.#fd, PROBE, 0, PROBE.length, from);
    // Cut off meanwhile, or grown by more than is read here.
    if (count === 0 || count === PROBE.length) return { size: fstatSync(this.#fd).size, tail: undefined };
    return { size: from + count, tail: PROBE.subarray(0, count) };
  }

  /** Opens what has the name now; true when that is another file than before. */
  open(): boolean {
    if (this.tenure.isCurrent()) return false;
    if (this.owing) this.#sync();
    this.left = this.#fd < 0 ? undefined : closedAs(this.#root, this.#fd)?.segment;
    this.close();
    this.#fd = this.tenure.begin(openLive);
    this.#seen = this.#clean = -1;
    this.#first = undefined;
    this.#full = false;
    this.folderSynced = false;
    this.opened += 1;
    return true;
  }

  /** What a suspect file holds becomes durable in a new one. The caller opens that. */
  renew(): void {
    this.tenure.pass(() => {
      renew(this.#root, this.#fd);
    });
    this.#suspect = false;
    this.owing = false;
  }

  #learn(found: Moment | undefined): void {
    if (found && (!this.#last || isAfter(found, this.#last))) this.#last = found;
  }

  /** Learns what others wrote; answers the size. */
  catchUp(): number {
    const { size, tail } = this.#look();
    if (size === this.#seen) return size;
    const from = this.#seen < 0 || size < this.#seen ? 0 : this.#seen;
    // From the line break before, since every record begins a line.
    const end = endOfBytes(tail ?? readRange(this.#fd, Math.max(0, from - 1, size - NARROW), size));
    if (end.whole) this.#clean = size;
    this.#learn(
      end.moment ??
        lastMoment(this.#fd, from, size) ??
        (from === 0 ? lastMomentIn(closedSegments(this.#root)) : undefined),
    );
    this.#first ??= firstSealed(this.#fd, 0, size)?.moment.ms;
    this.#seen = size;
    return size;
  }

  isDue(rotation: Rotation | undefined, now: number): boolean {
    if (this.#seen <= 0 || !rotation) return this.#full;
    const isOld = this.#first !== undefined && now - this.#first >= rotation.age_ms;
    return this.#full || this.#seen >= rotation.bytes || isOld;
  }

  /** Closes the segment: durable before its successor takes a byte. The caller opens the new one. */
  rotate(durable: boolean): void {
    if (durable) this.#sync();
    this.tenure.pass(() => {
      try {
        renameSync(this.#path, closedPath(this.#root, numberAfter(closedSegments(this.#root))));
      } catch (error) {
        // Where locks do not work, another writer may have closed it just now.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    });
  }

  #sync(): void {
    try {
      fdatasyncSync(this.#fd);
      this.owing = false;
    } catch (error) {
      this.mistrust();
      throw error;
    }
  }

  /** What has to come before a record, so that a torn tail ends where it was torn. */
  mend(size: number): '' | '\n' | '\n\n' {
    if (size === 0 || size === this.#clean) return '';
    const tail = readRange(this.#fd, Math.max(0, size - 2), size).toString('latin1');
    return tail === '\n\n' ? '' : tail.endsWith('\n') ? '\n' : '\n\n';
  }

  write(bytes: Buffer, at: number, newest: Moment): void {
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done, bytes.length - done);
    } catch (error) {
      this.#full = (error as NodeJS.ErrnoException).code === 'EFBIG';
      throw error;
    }
    this.#seen = this.#clean = at + bytes.length;
    this.#first ??= newest.ms;
    this.#last = newest;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.tenure.end();
  }
}
