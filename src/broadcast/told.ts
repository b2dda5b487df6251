import type { Event } from '../core/event.js';
import { sseEvent } from '../core/sse.js';

export type Kind = 'ws' | 'sse';

/** One message as it goes over the wire: written out when the first watcher needs it, and only then. */
export interface Told {
  readonly event: Event;
  bytes(kind: Kind): Buffer;
}

/** A text frame of RFC 6455 as a server sends it: whole, and not masked. */
export const textFrame = (text: string): Buffer => {
  const payload = Buffer.from(text);
  const { length } = payload;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  header[0] = 0x81;
  if (length < 126) {
    header[1] = length;
  } else if (length < 65_536) {
    header[1] = 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, payload]);
};

export const told = (event: Event): Told => {
  const written: Partial<Record<Kind, Buffer>> = {};
  return {
    event,
    bytes: (kind) =>
      (written[kind] ??=
        kind === 'ws'
          ? textFrame(JSON.stringify({ event: 'message', data: event }))
          : Buffer.from(sseEvent('message', event, event.msg_id))),
  };
};
