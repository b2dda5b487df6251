import type { Kind } from './told.js';

/** The wire to one watcher. */
export interface Sink {
  readonly kind: Kind;
  readonly isOpen: boolean;
  /**
   * Frames that are written out already; as many as there are, in one write. False, and nothing is written, where more than
   * `most` bytes would wait for the other side. One call, for it is made for each of a thousand watchers.
   */
  write(bytes: Buffer, most: number): boolean;
  /** Resolves when there is room for more, false when nobody listens any more. */
  writeAndWait(bytes: Buffer): Promise<boolean>;
  /** Something beside the messages. */
  say(event: string, data: unknown): void;
  /** `since` named no message: false when that ends the connection. */
  unknownSince(message: string): boolean;
  /** Ends it. `last`: the message after which to come back. */
  end(why: 'slow' | 'stopping' | 'failed', last: string | undefined): void;
  /** Finds out whether anybody is still there. */
  ping(): void;
  onClose(listener: () => void): void;
}
