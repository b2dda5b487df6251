/** Reads the bus on from a position, across closed segments, and says what happened to the file by other hands. */
import { closeSync, fstatSync, lstatSync } from 'node:fs';
import { ConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { DamagedRange } from '../core/ports.js';
import { fromCursor, type Position } from './cursor.js';
import { BUS_FILE, CHUNK, busPath, readRange } from './file.js';
import { lastMoment, lastMomentIn } from './last.js';
import { Scanner, type Item } from './scanner.js';
import { closedAs, closedSegments, numberAfter, openSegment, openToRead, type OpenSegment } from './segments.js';
import { isAfter, momentOf, type Moment } from './stamp.js';

export interface Stretch {
  events: Event[];
  damaged: DamagedRange[];
  position: Position;
}

export class Follower {
  readonly #root: string;
  readonly #key: Buffer;
  readonly #from: Position | undefined;
  #part: (OpenSegment & { ino: number }) | undefined;
  #number = 0;
  #scanner: Scanner;
  #begun = false;
  /** The last sealed message told. */
  #last: { msg_id: string; moment: Moment } | undefined;
  /** In a file that was put in place of ours: what was told before is not told again. */
  #skipping = false;

  constructor(root: string, key: Buffer, cursor: string | undefined) {
    this.#root = root;
    this.#key = key;
    this.#from = cursor === undefined ? undefined : fromCursor(cursor);
    this.#scanner = new Scanner(key);
  }

  /** The next stretch; undefined when there is none for now. `quiet`: what is pending has waited long. */
  next(quiet: boolean): Stretch | undefined {
    if (!this.#begun) this.#begin();
    for (;;) {
      const part = (this.#part ??= this.#open(this.#number));
      if (!part) return undefined;
      const { size } = fstatSync(part.fd);
      if (size < this.#scanner.next) return this.#cut(part, size);
      const chunk = readRange(part.fd, this.#scanner.next, Math.min(size, this.#scanner.next + CHUNK));
      if (chunk.length > 0) {
        const stretch = this.#stretch(part, this.#scanner.push(chunk));
        if (stretch) return stretch;
        continue;
      }
      if (!part.live) {
        const stretch = this.#stretch(part, this.#scanner.end());
        this.#turn(part);
        if (stretch) return stretch;
        continue;
      }
      if (lstatSync(busPath(this.#root), { throwIfNoEntry: false })?.ino !== part.ino) {
        const closed = closedAs(this.#root, part.fd);
        if (!closed) return this.#replaced(part);
        // Read once more to its end: what was written before it was closed can be seen by now.
        this.#part = { ...part, ...closed.segment, live: false };
        continue;
      }
      return quiet ? this.#stretch(part, this.#scanner.push(Buffer.alloc(0), true)) : undefined;
    }
  }

  close(): void {
    if (this.#part) closeSync(this.#part.fd);
    this.#part = undefined;
  }

  #begin(): void {
    const closed = closedSegments(this.#root);
    const live = numberAfter(closed);
    const oldest = closed[0]?.number ?? live;
    const { segment, offset } = this.#from ?? { segment: oldest, offset: 0 };
    if (segment < oldest || segment > live)
      throw new ConductorError(
        'storage',
        `the cursor is in segment ${segment}, but the bus has ${oldest === live ? '' : `${oldest} to `}${live}`,
      );
    this.#number = segment;
    const part = this.#open(segment);
    const size = part ? fstatSync(part.fd).size : 0;
    if (size < offset)
      throw new ConductorError(
        'storage',
        `${part?.path ?? busPath(this.#root)} has ${size} bytes, but was read up to byte ${offset}: it was cut or replaced`,
      );
    const before = closed.filter(({ number }) => number < segment);
    const newest =
      this.#from === undefined
        ? undefined
        : ((part && lastMoment(part.fd, 0, offset, this.#key)) ?? lastMomentIn(before, this.#key));
    this.#scanner = new Scanner(this.#key, offset, newest);
    this.#part = part;
    this.#begun = true;
  }

  #open(number: number): (OpenSegment & { ino: number }) | undefined {
    const part = openSegment(this.#root, number);
    if (part) return { ...part, ino: fstatSync(part.fd).ino };
    const [oldest] = closedSegments(this.#root);
    if (!oldest || number >= oldest.number) return undefined;
    // Taken away before it was read: the reading goes on with what is left.
    this.#number = oldest.number;
    return this.#open(oldest.number);
  }

  /** From a closed segment that was read to its end, to the next. */
  #turn(part: OpenSegment): void {
    closeSync(part.fd);
    this.#part = undefined;
    this.#scanner = new Scanner(this.#key, 0, this.#scanner.newest);
    const closed = closedSegments(this.#root);
    const index = closed.findIndex(({ path }) => path === part.path);
    const next = index < 0 ? undefined : closed[index + 1];
    this.#number = next?.number ?? part.number + 1;
    const fd = next && openToRead(next.path);
    if (next && fd !== undefined) this.#part = { ...next, fd, live: false, ino: fstatSync(fd).ino };
  }

  #say(file: string, from: number, to: number, reason: string): Stretch {
    const position = { segment: this.#number, offset: this.#scanner.position };
    return { events: [], damaged: [{ file, from, to, reason }], position };
  }

  #cut(part: OpenSegment, size: number): Stretch {
    const to = this.#scanner.next;
    this.#scanner = new Scanner(this.#key, size, this.#scanner.newest);
    return this.#say(part.path, size, to, 'the file was cut by another hand');
  }

  #replaced(part: OpenSegment): Stretch {
    const to = this.#scanner.next;
    closeSync(part.fd);
    this.#part = undefined;
    this.#scanner = new Scanner(this.#key, 0, this.#scanner.newest);
    this.#skipping = this.#last !== undefined;
    return this.#say(part.path, 0, to, `${BUS_FILE} was deleted or replaced`);
  }

  #stretch(part: OpenSegment, items: readonly Item[]): Stretch | undefined {
    const events: Event[] = [];
    const damaged: DamagedRange[] = [];
    for (const item of items) {
      if (this.#isTold(item)) continue;
      if (item.kind === 'damaged') damaged.push({ file: part.path, from: item.from, to: item.to, reason: item.reason });
      else events.push(item.event);
    }
    if (events.length === 0 && damaged.length === 0) return undefined;
    for (let index = events.length - 1; index >= 0; index -= 1) {
      const event = events[index];
      const moment = event?.sealed ? momentOf(event.msg_id) : undefined;
      if (!event || !moment) continue;
      this.#last = { msg_id: event.msg_id, moment };
      break;
    }
    return { events, damaged, position: { segment: part.number, offset: this.#scanner.position } };
  }

  #isTold(item: Item): boolean {
    if (!this.#skipping || !this.#last) return false;
    if (item.kind !== 'event') return true;
    const moment = item.event.sealed ? momentOf(item.event.msg_id) : undefined;
    if (item.event.msg_id === this.#last.msg_id) {
      this.#skipping = false;
      return true;
    }
    if (moment && isAfter(moment, this.#last.moment)) this.#skipping = false;
    return this.#skipping;
  }
}
