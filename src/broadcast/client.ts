import type { Sink } from './sink.js';
import type { Told } from './told.js';

/** How much may wait for one watcher. What it cannot take is not kept for it: it may come back with `since`. */
const MOST_WAITING_BYTES = 1024 * 1024;

export interface Client {
  readonly sink: Sink;
  /** What just happened, and the same written out in one piece. Kept back while the past is still being told. */
  live(messages: readonly Told[], bytes: Buffer): void;
  /** The past is about to be told: what happens meanwhile is kept back. False when that is so already. */
  holdBack(): boolean;
  /** Something from the past; resolves when there is room for more, false when nobody listens any more. */
  past(messages: readonly Told[]): Promise<boolean>;
  /** The past is told: now what was kept back, without the messages of `told`. */
  join(told: Set<string>): void;
  goodbye(): void;
}

/** `letGo` is called when nothing more is told to it, though the connection may still be closing. */
export const createClient = (sink: Sink, letGo: () => void): Client => {
  let kept: Told[] | undefined;
  let keptBytes = 0;
  let alreadyTold: Set<string> = new Set();
  let last: string | undefined;

  const tooSlow = (): void => {
    kept = undefined;
    letGo();
    sink.end('slow', last);
  };

  const send = (messages: readonly Told[], bytes: Buffer): void => {
    if (!sink.isOpen) return;
    if (sink.waiting > 0 && sink.waiting + bytes.length > MOST_WAITING_BYTES) {
      tooSlow();
      return;
    }
    sink.write(bytes);
    last = messages.at(-1)?.event.msg_id ?? last;
  };

  /** Without what the past told already. */
  const sendNew = (messages: readonly Told[]): void => {
    const fresh = messages.filter(({ event }) => !alreadyTold.delete(event.msg_id));
    for (const message of fresh) send([message], message.bytes(sink.kind));
  };

  return {
    sink,
    live(messages, bytes) {
      if (kept === undefined) {
        if (alreadyTold.size === 0) send(messages, bytes);
        else sendNew(messages);
        return;
      }
      kept.push(...messages);
      keptBytes += bytes.length;
      if (keptBytes > MOST_WAITING_BYTES && kept.length > messages.length) tooSlow();
    },
    holdBack() {
      if (kept !== undefined) return false;
      kept = [];
      keptBytes = 0;
      return true;
    },
    async past(messages) {
      if (!sink.isOpen) return false;
      last = messages.at(-1)?.event.msg_id ?? last;
      return sink.writeAndWait(Buffer.concat(messages.map((message) => message.bytes(sink.kind))));
    },
    join(told) {
      alreadyTold = told;
      const waiting = kept ?? [];
      kept = undefined;
      sendNew(waiting);
    },
    goodbye() {
      letGo();
      sink.end('stopping', last);
    },
  };
};
