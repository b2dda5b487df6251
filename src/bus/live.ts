/** The file that has the bus's name now, as its writers see it. Everything here happens under the lock. */
import { closeSync, constants, fdatasyncSync, fstatSync, lstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { busPath, readRange } from './file.js';
import { endOf, lastMoment, lastMomentIn } from './last.js';
import { firstSealed } from './locate.js';
import { renew } from './renew.js';
import { closedPath, closedSegments, numberAfter } from './segments.js';
import { isAfter, type Moment } from './stamp.js';

const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

const ABSENT = { throwIfNoEntry: false } as const;

/** When the live file is closed and a new one begun. */
export interface Rotation {
  bytes: number;
  /** Since its first message. */
  age_ms: number;
}

export class LiveFile {
  readonly #root: string;
  readonly #path: string;
  #fd = -1;
  #ino = -1;
  /** As of the last look. */
  #size = 0;
  /** How far its end is known. */
  #seen = 0;
  /** Nothing is torn at this end. */
  #clean = -1;
  #first: number | undefined;
  #last: Moment | undefined;
  /** It may not grow any more. */
  #full = false;
  /** An fdatasync failed: nothing in it counts as durable. */
  suspect = false;
  /** The folder entry is durable. */
  folderSynced = false;

  constructor(root: string) {
    this.#root = root;
    this.#path = busPath(root);
  }

  get fd(): number {
    return this.#fd;
  }

  /** Of the last message, in this file or before it. */
  get last(): Moment | undefined {
    return this.#last;
  }

  /** When it was opened, or last found open. */
  get size(): number {
    return this.#size;
  }

  /** The file under our name is still the one that is open. */
  isCurrent(): boolean {
    const found = this.#fd < 0 ? undefined : lstatSync(this.#path, ABSENT);
    if (found?.ino !== this.#ino) return false;
    this.#size = found.size;
    return true;
  }

  /** Opens what has the name now; true when that is another file than before. */
  open(): boolean {
    if (this.isCurrent()) return false;
    this.close();
    this.#fd = openSync(this.#path, FLAGS, 0o640);
    const { ino, size } = fstatSync(this.#fd);
    this.#ino = ino;
    this.#size = size;
    this.#seen = this.#clean = -1;
    this.#first = undefined;
    this.#full = false;
    this.folderSynced = false;
    return true;
  }

  /** What a suspect file holds becomes durable in a new one. The caller opens that. */
  renew(): void {
    renew(this.#root, this.#fd);
    this.suspect = false;
  }

  #learn(found: Moment | undefined): void {
    if (found && (!this.#last || isAfter(found, this.#last))) this.#last = found;
  }

  /** Learns what others wrote before it was last opened; answers the size then. */
  catchUp(): number {
    const size = this.#size;
    if (size === this.#seen) return size;
    const from = this.#seen < 0 || size < this.#seen ? 0 : this.#seen;
    const end = endOf(this.#fd, from, size);
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
    try {
      renameSync(this.#path, closedPath(this.#root, numberAfter(closedSegments(this.#root))));
    } catch (error) {
      // Where locks do not work, another writer may have closed it just now.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  #sync(): void {
    try {
      fdatasyncSync(this.#fd);
    } catch (error) {
      this.suspect = true;
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
  }
}
