import type { Sink } from './sink.js';
import type { Told } from './told.js';

/** How much may wait for one watcher. What it cannot take is not kept for it: it may come back with `since`. */
const MOST_WAITING_BYTES = 1024 * 1024;

/** One watcher. What is told to a thousand at once has its fields in the object itself: half of the cost is memory that is looked at. */
export class Client {
  readonly sink: Sink;
  readonly #letGo: () => void;
  #kept: Told[] | undefined;
  #keptBytes = 0;
  #alreadyTold: Set<string> | undefined;
  #last: string | undefined;

  /** `letGo` is called when nothing more is told to it, though the connection may still be closing. */
  constructor(sink: Sink, letGo: () => void) {
    this.sink = sink;
    this.#letGo = letGo;
  }

  /** What just happened, and the same written out in one piece. Kept back while the past is still being told. */
  live(messages: readonly Told[], bytes: Buffer): void {
    if (this.#kept !== undefined) this.#keep(this.#kept, messages, bytes);
    else if (this.#alreadyTold === undefined) this.#send(messages, bytes);
    else this.#sendNew(messages, this.#alreadyTold);
  }

  /** The past is about to be told: what happens meanwhile is kept back. False when that is so already. */
  holdBack(): boolean {
    if (this.#kept !== undefined) return false;
    this.#kept = [];
    this.#keptBytes = 0;
    return true;
  }

  /** Something from the past; resolves when there is room for more, false when nobody listens any more. */
  async past(messages: readonly Told[]): Promise<boolean> {
    const { sink } = this;
    if (!sink.isOpen) return false;
    this.#last = messages.at(-1)?.event.msg_id ?? this.#last;
    return sink.writeAndWait(Buffer.concat(messages.map((message) => message.bytes(sink.kind))));
  }

  /** The past is told: now what was kept back, without the messages of `told`. */
  join(told: Set<string>): void {
    const waiting = this.#kept ?? [];
    this.#kept = undefined;
    this.#alreadyTold = told.size === 0 ? undefined : told;
    this.#sendNew(waiting, told);
  }

  goodbye(): void {
    this.#letGo();
    this.sink.end('stopping', this.#last);
  }

  #keep(kept: Told[], messages: readonly Told[], bytes: Buffer): void {
    kept.push(...messages);
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > MOST_WAITING_BYTES && kept.length > messages.length) this.#tooSlow();
  }

  #send(messages: readonly Told[], bytes: Buffer): void {
    if (this.sink.write(bytes, MOST_WAITING_BYTES)) this.#last = messages.at(-1)?.event.msg_id ?? this.#last;
    else this.#tooSlow();
  }

  /** Without what the past told already. */
  #sendNew(messages: readonly Told[], told: Set<string>): void {
    for (const message of messages)
      if (!told.delete(message.event.msg_id)) this.#send([message], message.bytes(this.sink.kind));
    if (told.size === 0) this.#alreadyTold = undefined;
  }

  #tooSlow(): void {
    this.#kept = undefined;
    this.#letGo();
    this.sink.end('slow', this.#last);
  }
}
