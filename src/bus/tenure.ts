/**
 * Whether the open file still has the bus's name. A look at the name is dear under the lock, so a writer who gives the name to
 * another file leaves a new mark at the lock first: while the mark is as it was, only other hands can have taken the name, and
 * that is looked for once the write is on its way to the disk.
 */
import { fstatSync, lstatSync } from 'node:fs';
import { busPath } from './file.js';
import type { BusLock } from './lock.js';
import { nameOf, surePath } from './sure-path.js';

export type Marks = Pick<BusLock, 'mark' | 'newMark'>;

export class Tenure {
  readonly #path: string;
  readonly #marks: Marks;
  #mark = 0;
  #fd = -1;
  #ino = -1;
  /** What the kernel calls the open file as long as it has our name; undefined where that cannot be relied on. */
  #sure: string | undefined;

  constructor(root: string, marks: Marks) {
    this.#path = busPath(root);
    this.#marks = marks;
  }

  /** `open`: gives the file; a change of names meanwhile is noticed later. */
  begin(open: (path: string) => number): number {
    this.#mark = this.#marks.mark();
    this.#fd = open(this.#path);
    this.#ino = fstatSync(this.#fd).ino;
    this.#sure = surePath(this.#path, this.#fd);
    return this.#fd;
  }

  /** Of the file. */
  get ino(): number {
    return this.#ino;
  }

  /** Where the lock works, for nobody else can change the file's name unnoticed. */
  get isSure(): boolean {
    return this.#sure !== undefined;
  }

  /** Under the lock. */
  isCurrent(): boolean {
    if (this.#fd < 0) return false;
    if (this.#sure !== undefined) return this.#marks.mark() === this.#mark;
    return lstatSync(this.#path, { throwIfNoEntry: false })?.ino === this.#ino;
  }

  /**
   * Whether what was written under the lock is on the bus: the file has its name still, or lost it since to a writer, who
   * kept what was in it.
   */
  wasKept(): boolean {
    return this.#sure === undefined || nameOf(this.#fd) === this.#sure || !this.isCurrent();
  }

  /**
   * Under the lock: the name goes to another file. The mark is new before, for whoever dies in the middle of it, and after, for
   * whoever opened the file in the middle of it without the lock.
   */
  pass(rename: () => void): void {
    this.#marks.newMark();
    try {
      rename();
    } finally {
      this.#marks.newMark();
    }
  }

  end(): void {
    this.#fd = -1;
  }
}
