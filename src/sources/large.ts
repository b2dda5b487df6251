import type { IncomingHttpHeaders } from 'node:http';
import { lastValueFrom } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import { revive, type Failure } from '../core/failure.js';
import { openAside, TookTooLong } from '../operators/aside.js';
import type { Reading } from './deliveries.js';
import { refusalOf, type OpenEndpoint, type readDelivery, type WebhookConfig } from './read-delivery.js';
import { verifyWithAny, type Signed } from './verifiers/verifier.js';

export interface LargeOrder {
  name: string;
  config: WebhookConfig;
  headers: IncomingHttpHeaders;
  bytes: ArrayBuffer;
  /** Where in the bytes the body is. */
  offset: number;
  length: number;
  now: number;
}

type Read = ReturnType<typeof readDelivery>;
export type LargeAnswer = { read: Read; bytes: ArrayBuffer } | { failure: Failure };

/** The wait for those before counts: senders give up after ten seconds. */
const MOST_MS = 8_000;
/** A thread begins in some 100 ms, so one that is wanted again soon is kept. */
const IDLE_MS = 10_000;
/** Of the bodies that wait for the thread, are in it, or are being kept. */
const MOST_HELD = 256 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * Reads deliveries beside the main loop, one at a time. Whatever may be the fault of this machine (busy, late, a thread that
 * died) is a 503, so that the sender tries again; only what is sure to be the body's own fault is a 4xx.
 */
export const openLarge = (
  file: string,
  keep: (reading: Reading, rawBody: Buffer) => Promise<Draft[]>,
  most_ms = MOST_MS,
) => {
  const aside = openAside<LargeOrder, LargeAnswer>({ file, most_ms, idle_ms: IDLE_MS });
  let held = 0;

  /** The bytes are given away; they come back to be kept. */
  const read = async (
    { endpoint, config }: OpenEndpoint,
    { headers, rawBody }: Signed,
    now: number,
  ): Promise<Exclude<Read, Reading> | { drafts: Draft[] }> => {
    // Who shows no signature at all costs no turn of the thread.
    const verdict = verifyWithAny(endpoint.provider.verifier, { headers, rawBody: NOTHING }, config.secrets, now);
    if (verdict === 'missing') throw refusalOf(verdict);
    const { length, byteOffset: offset } = rawBody;
    if (held + length > MOST_HELD) throw new ConductorError('unavailable', 'too many large deliveries at once');
    held += length;
    try {
      const bytes = rawBody.buffer as ArrayBuffer;
      const answer = await lastValueFrom(
        aside.ask({ name: endpoint.name, config, headers, bytes, offset, length, now }, [bytes]),
      );
      if ('failure' in answer) throw revive(answer.failure);
      if (!('drafts' in answer.read)) return answer.read;
      return { drafts: await keep(answer.read, Buffer.from(answer.bytes, offset, length)) };
    } catch (cause) {
      if (cause instanceof ConductorError && cause.code !== 'internal') throw cause;
      const why =
        cause instanceof TookTooLong ? ' in time; it is safe to send it again' : `: ${(cause as Error).message}`;
      throw new ConductorError('unavailable', `the delivery could not be read${why}`, { cause });
    } finally {
      held -= length;
    }
  };

  return { read, close: (reason: Error) => aside.close(reason) };
};
