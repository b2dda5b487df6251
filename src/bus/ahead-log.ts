/**
 * The write-ahead log of one writer: a file of fixed size that is written over again and again, since a disk makes such a
 * write durable sooner than one that makes a file grow. The bus file has the same bytes already; the log tells them once more
 * after a power cut (`redo.ts`). While one half of it fills, the bus file is made durable as far as the other half tells.
 */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  write,
  writeSync,
  writevSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { HEAD_BYTES, headOf, type Entry } from './ahead-entry.js';
import { ANY_BOOT, HALF_BYTES, aheadFolder, aheadPath } from './ahead-files.js';
import { tryLock } from './kernel-lock.js';
import { synced, syncedFolder } from './synced.js';

const NOTHING = Buffer.alloc(HEAD_BYTES);
/** File systems that write a block where it was: ext2 to 4, XFS. */
const IN_PLACE = new Set([0xef53, 0x58465342]);

export class AheadLog {
  readonly #root: string;
  readonly #fd: number;
  #path: string;
  #half = 0;
  /** Where the next entry comes in this half. */
  #at = 0;
  #round = 1;
  #index = 0;
  /** What the other half tells is durable on the bus. */
  #otherIsFree = true;

  private constructor(root: string, path: string, fd: number) {
    this.#root = root;
    this.#path = path;
    this.#fd = fd;
  }

  /** Undefined where it would win nothing. `boot`: of the machine, since it was started. */
  static async create(root: string, boot: string): Promise<AheadLog | undefined> {
    if (!IN_PLACE.has(statfsSync(root).type)) return undefined;
    const folder = aheadFolder(root);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = aheadPath(root, boot);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      // Who finds it locked knows that its writer lives. Found just before, it is taken away.
      if (!tryLock(fd) || fstatSync(fd).nlink === 0) throw new Error(`${path} was taken for a dead writer's`);
      await new Promise<void>((resolve, reject) => {
        write(fd, Buffer.alloc(2 * HALF_BYTES), (error, count) => {
          if (error) reject(error);
          else if (count < 2 * HALF_BYTES) reject(new Error(`${path} could not be written whole`));
          else resolve();
        });
      });
      await synced(fdatasync, fd);
      for (const parent of [folder, dirname(folder), root]) await syncedFolder(parent);
      return new AheadLog(root, path, fd);
    } catch (error) {
      rmSync(path, { force: true });
      closeSync(fd);
      throw error;
    }
  }

  /** It has its name still; else nobody would find it after a power cut. */
  get isNamed(): boolean {
    return lstatSync(this.#path, { throwIfNoEntry: false })?.ino === fstatSync(this.#fd).ino;
  }

  /** `turned`: it went on in the other half, and what this one told has to become durable on the bus; then `free` is due. */
  put(entry: Entry): 'put' | 'turned' | 'full' {
    const size = HEAD_BYTES + entry.batch.length;
    const turns = this.#at + size > HALF_BYTES;
    if (turns) {
      if (!this.#otherIsFree || size > HALF_BYTES) return 'full';
      this.#half = 1 - this.#half;
      this.#otherIsFree = false;
      this.#beginRound();
    }
    const head = headOf(entry, this.#round, this.#index);
    const count = writevSync(this.#fd, [head, entry.batch], this.#half * HALF_BYTES + this.#at);
    if (count < size) throw new Error(`${this.#path} took ${count} of ${size} bytes`);
    this.#at += size;
    this.#index += 1;
    return turns ? 'turned' : 'put';
  }

  get round(): number {
    return this.#round;
  }

  /** `round`: in which it turned. */
  free(round: number): void {
    if (round === this.#round) this.#otherIsFree = true;
  }

  #beginRound(): void {
    this.#at = 0;
    this.#index = 0;
    this.#round += 1;
  }

  /** All that was put is durable. */
  sync(): Promise<void> {
    return synced(fdatasync, this.#fd);
  }

  /** It tells nothing any more. Durable with what is put next. */
  forget(): void {
    for (const half of [0, 1]) writeSync(this.#fd, NOTHING, 0, NOTHING.length, half * HALF_BYTES);
    this.#otherIsFree = true;
    this.#beginRound();
  }

  /** Also while the machine runs: the bus may lack what it tells. */
  mustBeRedone(): void {
    const path = aheadPath(this.#root, ANY_BOOT);
    try {
      renameSync(this.#path, path);
      this.#path = path;
    } catch {
      // Then a new start of the machine has to do.
    }
  }

  /** `isDone`: nobody needs it any more. */
  close(isDone: boolean): void {
    try {
      if (isDone) rmSync(this.#path, { force: true });
    } catch {
      // Then it tells once more what the bus has.
    } finally {
      closeSync(this.#fd);
    }
  }
}
