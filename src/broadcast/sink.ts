import type { Kind } from './told.js';

/** The wire to one watcher. */
export interface Sink {
  readonly kind: Kind;
  readonly isOpen: boolean;
  /** Bytes that the other side has not taken yet. */
  readonly waiting: number;
  /** Frames that are written out already; as many as there are, in one write. */
  write(bytes: Buffer): void;
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
