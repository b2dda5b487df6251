import { setTimeout as delay } from 'node:timers/promises';
import { ConductorError } from '../../core/errors.js';
import type { Event } from '../../core/event.js';
import { serverSentEvents } from '../../runner/rest/sse.js';
import { openAnswer, type ServiceAddress } from '../service-client.js';

const COME_BACK_MS = 1_000;
/** Three heartbeats. */
const SILENCE_MS = 45_000;

const isMessage = (value: object): value is Event => 'msg_id' in value && 'authentic' in value;

/** What the service tells after the message, for ever: where it is away for a while, it is asked again. */
export async function* messagesAfter(service: ServiceAddress, msg_id: string): AsyncGenerator<Event> {
  for (let last = msg_id; ; await delay(COME_BACK_MS)) {
    try {
      const path = `/api/v1/messages/stream?since=${encodeURIComponent(last)}`;
      const answer = await openAnswer(service, path, { method: 'GET', silence_ms: SILENCE_MS });
      for await (const value of serverSentEvents(answer)) {
        if (!isMessage(value)) continue;
        last = value.msg_id;
        yield value;
      }
    } catch (error) {
      if (error instanceof ConductorError && error.code !== 'unavailable') throw error;
    }
  }
}
