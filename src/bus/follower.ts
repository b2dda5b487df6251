/** Reads the bus on from a position, across closed segments, and says what happened to the file by other hands. */
import { closeSync, fstatSync, lstatSync } from 'node:fs';
import type { Event } from '../core/event.js';
import type { DamagedRange } from '../core/ports.js';
import { fromCursor, type Position } from './cursor.js';
import { Damage } from './damage.js';
import { BUS_FILE, busPath, readInto, readRange } from './file.js';
import { RECORD } from './format.js';
import { lastMoment, lastMomentIn } from './last.js';
import { place } from './place.js';
import type { Remembered } from './remembered.js';
import { Scanner, type Item } from './scanner.js';
import { closedAs, closedSegments, numberAfter, openSegment, openToRead, type OpenSegment } from './segments.js';
import { isAfter, momentOf, type Moment } from './stamp.js';

/** What is read and taken apart in one turn of the event loop, in some milliseconds. */
const STRETCH = 256 * 1024;

export interface Stretch {
  events: Event[];
  damaged: DamagedRange[];
  position: Position;
}

export class Follower {
  readonly #root: string;
  readonly #key: Buffer;
  readonly #from: Position | undefined;
  readonly #remembered: Remembered | undefined;
  #part: (OpenSegment & { ino: number }) | undefined;
  #number = 0;
  #scanner: Scanner;
  #begun = false;
  /** The last sealed message told. */
  #last: { msg_id: string; moment: Moment } | undefined;
  /** In a file that was put in place of ours: what was told before is not told again. */
  #skipping = false;

  /** `remembered`: what our own writer appended. */
  constructor(root: string, key: Buffer, cursor: string | undefined, remembered?: Remembered) {
    this.#root = root;
    this.#key = key;
    this.#remembered = remembered;
    this.#from = cursor === undefined ? undefined : fromCursor(cursor);
    this.#scanner = this.#scannerAt(0);
  }

  /** The next stretch; undefined when there is none for now. `quiet`: what is pending has waited long. */
  next(quiet: boolean): Stretch | undefined {
    const moved = this.#begin();
    if (moved) return moved;
    for (;;) {
      const gone = this.#open();
      if (gone) return gone;
      const part = this.#part;
      if (!part) return undefined;
      const own = this.#own(part);
      if (own) return own;
      const { size } = fstatSync(part.fd);
      if (size < this.#scanner.next) return this.#cut(part, size);
      const from = this.#scanner.next;
      const count = size === from ? 0 : readInto(part.fd, this.#scanner.room(Math.min(STRETCH, size - from)), from);
      if (count > 0) {
        const stretch = this.#stretch(part, this.#scanner.took(count));
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

  #scannerAt(offset: number, newest?: Moment): Scanner {
    return new Scanner(this.#key, offset, newest);
  }

  /** Once; says when the cursor's place is another by now. */
  #begin(): Stretch | undefined {
    if (this.#begun) return undefined;
    this.#begun = true;
    if (!this.#from) {
      const closed = closedSegments(this.#root);
      this.#number = closed[0]?.number ?? numberAfter(closed);
      return undefined;
    }
    const { last } = this.#from;
    const { segment, offset, moved } = place(this.#root, this.#from);
    this.#number = segment;
    this.#open();
    const before = closedSegments(this.#root).filter(({ number }) => number < segment);
    const newest = (this.#part && lastMoment(this.#part.fd, 0, offset, this.#key)) ?? lastMomentIn(before, this.#key);
    this.#scanner = this.#scannerAt(offset, newest);
    const moment = last === undefined ? undefined : momentOf(last);
    this.#last = last !== undefined && moment ? { msg_id: last, moment } : undefined;
    if (!moved) return undefined;
    this.#skipping = this.#last !== undefined;
    return this.#say(moved);
  }

  /** Opens what is to be read; says when it was taken away before. */
  #open(): Stretch | undefined {
    if (this.#part) return undefined;
    const part = openSegment(this.#root, this.#number);
    if (part) {
      this.#part = { ...part, ino: fstatSync(part.fd).ino };
      return undefined;
    }
    const closed = closedSegments(this.#root);
    const oldest = closed[0]?.number ?? numberAfter(closed);
    // The whole bus went, which was said, and counts from the beginning again.
    if (this.#number > numberAfter(closed)) this.#number = oldest;
    if (this.#number >= oldest) return undefined;
    const segment = this.#number;
    const reason = `segment ${segment} was removed before it was read`;
    this.#number = oldest;
    return this.#say({ file: busPath(this.#root), segment, from: 0, to: 0, reason });
  }

  /** From a closed segment that was read to its end, to the next. */
  #turn(part: OpenSegment): void {
    closeSync(part.fd);
    this.#part = undefined;
    this.#scanner = this.#scannerAt(0, this.#scanner.newest);
    const closed = closedSegments(this.#root);
    const index = closed.findIndex(({ path }) => path === part.path);
    const next = index < 0 ? undefined : closed[index + 1];
    this.#number = next?.number ?? part.number + 1;
    const fd = next && openToRead(next.path);
    if (next && fd !== undefined) this.#part = { ...next, fd, live: false, ino: fstatSync(fd).ino };
  }

  #say(damaged: DamagedRange): Stretch {
    return { events: [], damaged: [damaged], position: this.#position() };
  }

  #position(): Position {
    return { segment: this.#number, offset: this.#scanner.position, last: this.#last?.msg_id };
  }

  #cut(part: OpenSegment, size: number): Stretch {
    const to = this.#scanner.next;
    this.#scanner = this.#scannerAt(size, this.#scanner.newest);
    return this.#say({
      file: part.path,
      segment: part.number,
      from: size,
      to,
      reason: 'the file was cut by another hand',
    });
  }

  #replaced(part: OpenSegment): Stretch {
    const to = this.#scanner.next;
    closeSync(part.fd);
    this.#part = undefined;
    this.#scanner = this.#scannerAt(0, this.#scanner.newest);
    this.#skipping = this.#last !== undefined;
    return this.#say({
      file: part.path,
      segment: part.number,
      from: 0,
      to,
      reason: `${BUS_FILE} was deleted or replaced`,
    });
  }

  #stretch(part: OpenSegment, items: readonly Item[]): Stretch | undefined {
    const events: Event[] = [];
    const damaged: DamagedRange[] = [];
    const damage = new Damage((range) => damaged.push(range));
    for (const item of items) {
      if (this.#isTold(item)) continue;
      if (item.kind === 'damaged')
        damage.add({ file: part.path, segment: part.number, from: item.from, to: item.to, reason: item.reason });
      else events.push(item.event);
    }
    damage.end();
    return this.#tell(part, events, damaged);
  }

  /** What our own writer wrote where we stand. */
  #own(part: OpenSegment & { ino: number }): Stretch | undefined {
    const scanner = this.#scanner;
    if (!this.#remembered || this.#skipping || scanner.position !== scanner.next) return undefined;
    const events: Event[] = [];
    for (;;) {
      const from = scanner.next;
      const told = this.#remembered.take(part.ino, from, (msg_id) => {
        const head = Buffer.from(`${RECORD}${msg_id}\n`);
        return readRange(part.fd, from, from + head.length).equals(head);
      });
      if (!told) break;
      events.push(...told.events);
      scanner.skip(told.to, told.newest);
    }
    return this.#tell(part, events, []);
  }

  #tell(part: OpenSegment, events: Event[], damaged: DamagedRange[]): Stretch | undefined {
    if (events.length === 0 && damaged.length === 0) return undefined;
    for (let index = events.length - 1; index >= 0; index -= 1) {
      const event = events[index];
      const moment = event?.sealed ? momentOf(event.msg_id) : undefined;
      if (!event || !moment) continue;
      this.#last = { msg_id: event.msg_id, moment };
      break;
    }
    return { events, damaged, position: { ...this.#position(), segment: part.number } };
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
