/**
 * How what was written becomes durable. A writer that is at work and alone has it in its write-ahead log, and the bus file
 * follows some thousand messages later; else the bus file itself is waited for. Either way all that stands before it in the
 * file is durable with it.
 */
import { closeSync, constants, fdatasync, openSync } from 'node:fs';
import { IDENTITY_BYTES } from './ahead-entry.js';
import { bootOf } from './ahead-files.js';
import type { AheadLog } from './ahead-log.js';
import { readRange } from './file.js';
import type { LiveFile } from './live.js';
import { synced, syncedFolder } from './synced.js';

/** In batches: a log costs as much as some fifty of them. */
const AT_WORK = 64;
/** How many batches nobody else wrote between. */
const ALONE = 4;
/** ms without a message after which the log is emptied. */
const QUIET_MS = 1_000;

/** What was written, and where in the live file. */
export interface Stretch {
  from: number;
  bytes: Buffer;
}

export interface DurabilityOptions {
  root: string;
  live: LiveFile;
  /** Of the machine, since it was started; as the kernel tells it. */
  boot?: string | undefined;
}

export class Durability {
  readonly #root: string;
  readonly #live: LiveFile;
  readonly #boot: string | undefined;
  #batches = 0;
  #alone = 0;
  /** Where our last batch ended, and in which of the files that were opened. */
  #end = -1;
  #opened = 0;
  #log: AheadLog | undefined;
  /** A writer whose log failed goes without. */
  #failed: AheadLog | undefined;
  #creating: Promise<void> | undefined;
  /** Which of the opened files the log tells of, its first bytes, a handle of our own on it, and where the log's last batch ended. */
  #logged = 0;
  #identity: Buffer = Buffer.alloc(0);
  #fd = -1;
  #loggedEnd = -1;
  #puts = 0;
  #quiet: NodeJS.Timeout | undefined;
  #settling: Promise<unknown> = Promise.resolve();

  constructor({ root, live, boot }: DurabilityOptions) {
    this.#root = root;
    this.#live = live;
    this.#boot = boot;
    live.onMistrust = () => {
      this.#giveUp();
    };
  }

  /** Without the lock, at once after the write. `stretch`: nothing where nothing was written. */
  make(stretch: Stretch | undefined): Promise<void> {
    const isAlone = stretch !== undefined && this.#isAlone(stretch);
    const log = this.#log;
    const { folderSynced, tenure } = this.#live;
    return log && isAlone && folderSynced && tenure.isSure ? this.#ahead(log, stretch) : this.#plainly();
  }

  /** The file, and its name where that is new. */
  async #plainly(): Promise<void> {
    const live = this.#live;
    const file = synced(fdatasync, live.fd);
    if (live.folderSynced) return file;
    await file;
    await syncedFolder(this.#root);
    live.folderSynced = true;
  }

  #isAlone({ from, bytes }: Stretch): boolean {
    const { opened } = this.#live;
    const isSameFile = opened === this.#opened;
    // Cut by hand: the log must not bring that back.
    if (isSameFile && from < this.#end) this.#logged = 0;
    this.#alone = isSameFile && from === this.#end ? this.#alone + 1 : 0;
    this.#opened = opened;
    this.#end = from + bytes.length;
    this.#batches += 1;
    if (this.#batches >= AT_WORK && this.#live.tenure.isSure) this.#creating ??= this.#create();
    return this.#alone >= ALONE;
  }

  async #create(): Promise<void> {
    try {
      const { AheadLog } = await import('./ahead-log.js');
      const boot = this.#boot ?? bootOf();
      if (boot !== undefined) this.#log = await AheadLog.create(this.#root, boot);
    } catch {
      // Where there is no room for it the bus does without.
    }
  }

  #ahead(log: AheadLog, stretch: Stretch): Promise<void> {
    try {
      if (!this.#tellsOf(log)) return this.#plainly();
      const put = log.put({ offset: stretch.from, identity: this.#identity, batch: stretch.bytes });
      if (put === 'full') return this.#plainly();
      this.#live.owing = true;
      this.#puts += 1;
      this.#watchQuiet(log);
      if (put === 'turned') void this.#turn(log);
      const follows = stretch.from === this.#loggedEnd;
      this.#loggedEnd = stretch.from + stretch.bytes.length;
      // What the log does not tell before it has to be durable on the bus.
      return follows ? this.#synced(log) : this.#plainly();
    } catch {
      return this.#without();
    }
  }

  /** The kernel tells an error to one fdatasync of those that are under way. */
  #synced(log: AheadLog): Promise<void> {
    return log.sync().then(
      () => (this.#log === log ? undefined : this.#plainly()),
      () => this.#without(),
    );
  }

  /** The log tells of the file that is open now. */
  #tellsOf(log: AheadLog): boolean {
    const live = this.#live;
    if (this.#logged === live.opened) return true;
    const identity = readRange(live.fd, 0, IDENTITY_BYTES);
    if (identity.length < IDENTITY_BYTES) return false;
    if (!log.isNamed) throw new Error('the log was taken away');
    log.forget();
    this.#letGo();
    this.#fd = openSync(`/proc/${process.pid}/fd/${live.fd}`, constants.O_RDONLY);
    this.#identity = identity;
    this.#logged = live.opened;
    this.#loggedEnd = -1;
    return true;
  }

  #letGo(): void {
    const fd = this.#fd;
    if (fd >= 0) void this.#settling.then(() => closeSync(fd));
    this.#fd = -1;
    this.#logged = 0;
  }

  /** The log fails, the bus may work. */
  async #without(): Promise<void> {
    this.#giveUp();
    await this.#plainly();
  }

  /** It stays where it is until the bus has all that it tells, whoever sees to that. */
  #giveUp(): void {
    this.#failed ??= this.#log;
    this.#log?.mustBeRedone();
    this.#log = undefined;
    this.#letGo();
  }

  /** The bus becomes durable as far as it is written. Resolves with false where it does not. */
  #settle(): Promise<boolean> {
    const settled = synced(fdatasync, this.#fd).then(
      () => true,
      () => {
        this.#live.mistrust();
        return false;
      },
    );
    this.#settling = Promise.all([this.#settling, settled]);
    return settled;
  }

  async #turn(log: AheadLog): Promise<void> {
    const { round } = log;
    if (await this.#settle()) log.free(round);
  }

  /** A log that lies unused would bring back what was changed by hand meanwhile. */
  #watchQuiet(log: AheadLog): void {
    const puts = this.#puts;
    this.#quiet ??= setTimeout(() => {
      this.#quiet = undefined;
      if (this.#log !== log) return;
      if (this.#puts > puts) this.#watchQuiet(log);
      else void this.#empty(log);
    }, QUIET_MS).unref();
  }

  async #empty(log: AheadLog): Promise<void> {
    const puts = this.#puts;
    if (!(await this.#settle()) || this.#log !== log) return;
    if (this.#puts > puts) {
      this.#watchQuiet(log);
      return;
    }
    try {
      log.forget();
    } catch {
      this.#giveUp();
      return;
    }
    // The first bytes of the bus may be others when it goes on.
    this.#logged = 0;
    const emptied = log.sync().catch(() => {
      this.#giveUp();
    });
    this.#settling = Promise.all([this.#settling, emptied]);
  }

  /** While the live file is open. */
  async close(): Promise<void> {
    clearTimeout(this.#quiet);
    await this.#creating;
    const log = this.#log ?? this.#failed;
    this.#log = undefined;
    await this.#settling;
    if (log) {
      const isDurable = await synced(fdatasync, this.#live.fd).then(
        () => true,
        () => false,
      );
      if (!isDurable) log.mustBeRedone();
      log.close(isDurable && !this.#live.suspect);
    }
    this.#letGo();
    await this.#settling;
  }
}
