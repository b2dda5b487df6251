/**
 * Whether the open file still has the bus's name. A look at the name is dear under the lock, so a writer who gives the name to
 * another file leaves a new mark at the lock first: while the mark is as it was, only other hands can have taken the name, and
 * that is looked for once the write is on its way to the disk.
 */
import { fstatSync, lstatSync, statSync, type Stats } from 'node:fs';
import { busPath } from './file.js';
import type { BusLock } from './lock.js';
import { nameOf, surePath } from './sure-path.js';

/** In ms: the times of files come in steps, of which this is more than one. */
const STEP_MS = 50;

export type Marks = Pick<BusLock, 'mark' | 'newMark'>;

export class Tenure {
  readonly #path: string;
  readonly #marks: Marks;
  #mark = 0;
  #fd = -1;
  #ino = -1;
  readonly #folder: string;
  /** The folder, when the file was last seen to have its name: to ask whether names in it changed takes a quarter of asking for the name. */
  #known: Stats | undefined;
  /** What the kernel calls the open file as long as it has our name; undefined where that cannot be relied on. */
  #sure: string | undefined;

  constructor(root: string, marks: Marks) {
    this.#path = busPath(root);
    this.#folder = root;
    this.#marks = marks;
  }

  /** `open`: gives the file; a change of names meanwhile is noticed later. */
  begin(open: (path: string) => number): number {
    this.#mark = this.#marks.mark();
    this.#fd = open(this.#path);
    this.#ino = fstatSync(this.#fd).ino;
    this.#sure = surePath(this.#path, this.#fd);
    this.#known = undefined;
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
    if (this.#sure === undefined) return true;
    // Its mtime may be set back, as by who restores a backup.
    const folder = statSync(this.#folder, { throwIfNoEntry: false });
    const known = this.#known;
    if (known && folder?.ctimeMs === known.ctimeMs && folder.ino === known.ino && folder.dev === known.dev) return true;
    const isNamed = nameOf(this.#fd) === this.#sure;
    // A change that comes at once may be of the same time.
    this.#known = isNamed && folder && Date.now() - folder.ctimeMs > STEP_MS ? folder : undefined;
    return isNamed || !this.isCurrent();
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
