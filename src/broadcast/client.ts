import { WebSocket } from 'ws';

/** How much may wait for one watcher. What it cannot take is not kept for it: it may come back with `since`. */
const MOST_WAITING_BYTES = 1024 * 1024;
const MOST_GOODBYE_MS = 3_000;

export interface Client {
  /** Something just happened. Kept back while the past is still being told. */
  live(id: string, frame: Buffer): void;
  /** Something from the past; resolves when there is room for more, false when nobody listens any more. */
  past(frame: Buffer): Promise<boolean>;
  /** The past is told: now what was kept back, without the messages of `told`. */
  join(told: Set<string>): void;
  refuse(code: string, message: string): void;
  ping(): void;
  goodbye(): void;
}

export const createClient = (socket: WebSocket, keepBack: boolean): Client => {
  let kept: { id: string; frame: Buffer }[] | undefined = keepBack ? [] : undefined;
  let keptBytes = 0;
  let told: Set<string> = new Set();
  let answered = true;
  socket.on('pong', () => (answered = true));

  const isOpen = (): boolean => socket.readyState === WebSocket.OPEN;

  const close = (code: number, reason: string): void => {
    kept = undefined;
    socket.close(code, reason);
    // The goodbye waits behind everything unread; whoever does not read is not waited for.
    setTimeout(() => socket.terminate(), MOST_GOODBYE_MS).unref();
  };
  const tooSlow = (): void => close(1013, 'too slow: come back with since');

  const send = (id: string, frame: Buffer): void => {
    if (!isOpen() || told.delete(id)) return;
    if (socket.bufferedAmount + frame.length > MOST_WAITING_BYTES && socket.bufferedAmount > 0) tooSlow();
    else socket.send(frame, { binary: false });
  };

  return {
    live(id, frame) {
      if (kept === undefined) {
        send(id, frame);
        return;
      }
      kept.push({ id, frame });
      keptBytes += frame.length;
      if (keptBytes > MOST_WAITING_BYTES && kept.length > 1) tooSlow();
    },
    past: (frame) =>
      new Promise((resolve) => {
        if (!isOpen()) resolve(false);
        else socket.send(frame, { binary: false }, (error) => resolve(!error));
      }),
    join(alreadyTold) {
      told = alreadyTold;
      const waiting = kept ?? [];
      kept = undefined;
      for (const { id, frame } of waiting) send(id, frame);
    },
    refuse(code, message) {
      if (!isOpen()) return;
      socket.send(JSON.stringify({ event: 'error', data: { code, message } }));
      close(code === 'not_found' ? 1008 : 1011, code);
    },
    ping() {
      if (!answered) {
        socket.terminate();
        return;
      }
      answered = false;
      if (isOpen()) socket.ping();
    },
    goodbye() {
      close(1001, 'the conductor is stopping');
    },
  };
};
