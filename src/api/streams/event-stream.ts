import { once } from 'node:events';
import type { Context } from 'koa';
import { sseEvent } from '../../core/sse.js';

const HEARTBEAT_MS = 15_000;
const COME_BACK_MS = 1_000;

export interface EventStream {
  readonly isOpen: boolean;
  /** Resolves when there is room for more. */
  send: (text: string) => Promise<void>;
  onClose(listener: () => void): void;
  end(): void;
}

/** Answers with an event stream. What the client does not take, the writer waits for: nothing is dropped. */
export const openEventStream = (ctx: Context): EventStream => {
  ctx.respond = false;
  const response = ctx.res;
  response.on('error', () => undefined);
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
  response.write(`retry: ${COME_BACK_MS}\n\n`);
  const heartbeat = setInterval(() => response.write(sseEvent('heartbeat', {})), HEARTBEAT_MS);
  response.once('close', () => clearInterval(heartbeat));
  return {
    get isOpen() {
      return !response.destroyed && !response.writableEnded;
    },
    async send(text) {
      if (response.destroyed || response.write(text)) return;
      const gone = new AbortController();
      const { signal } = gone;
      await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).finally(() =>
        gone.abort(),
      );
    },
    onClose: (listener) => void response.once('close', listener),
    end: () => void response.end(),
  };
};
