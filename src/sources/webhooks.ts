import type { IncomingHttpHeaders } from 'node:http';
import { performance } from 'node:perf_hooks';
import { Observable, Subject } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import type { Arrival, Blobs, Clock, Receipt, Source } from '../core/ports.js';
import type { WebhookAnswer } from '../core/webhook.js';
import { draftsOf, type MadeBy, type Reading } from './deliveries.js';
import { openLarge } from './large.js';
import { openEndpoint, readDelivery, type WebhookConfig } from './read-delivery.js';

export interface Webhooks extends Source {
  names(): readonly string[];
  /** Other webhooks from now on. Throws `configuration`, and then nothing is changed. */
  configure(config: WebhooksOptions['config']): void;
  /** Resolves when the delivery is durable. A large body is given away: it is nobody's afterwards. */
  receive(name: string, headers: IncomingHttpHeaders, rawBody: Buffer): Promise<WebhookAnswer>;
}

export interface WebhooksOptions {
  config: Readonly<Record<string, WebhookConfig>>;
  blobs: Blobs;
  clock: Pick<Clock, 'now'>;
  /** Missing: only what the bus says tells which commits are ours. */
  madeBy?: MadeBy;
  /** File of the thread that reads what is large; missing: it is read here. */
  worker?: string;
}

type Outcome = Parameters<NonNullable<Arrival['settle']>>[0];

/** Senders give up after ten seconds, and a sender that was told "not yet" tries again: better said than left hanging. */
const ANSWER_WITHIN_MS = 8_000;
const LATE = 'the delivery was not durable in time; it is safe to send it again';
/** More than the bus takes in that time is refused at once. */
const MOST_WAITING = 2_000;

/** A body of more bytes is read in a thread: one made to be slow would stop the main loop for 20 ms and more. */
const MOST_HERE = 64 * 1024;

/** Whatever kept the delivery from being durable, the sender shall try again: a 503. */
const asRetriable = (error: unknown): ConductorError =>
  error instanceof ConductorError && error.status === 503
    ? error
    : new ConductorError('storage', 'the delivery could not be stored', { cause: error });

export const createWebhooks = ({ config, blobs, clock, madeBy, worker }: WebhooksOptions): Webhooks => {
  const open = (all: WebhooksOptions['config']) =>
    new Map(Object.entries(all).map(([name, one]) => [name, openEndpoint(name, one)]));
  let endpoints = open(config);
  const kept = (reading: Reading, rawBody: Buffer): Promise<Draft[]> => draftsOf(reading, rawBody, { blobs, madeBy });
  const large = worker === undefined ? undefined : openLarge(worker, kept);
  const arrivals = new Subject<Arrival>();
  /** In the order in which they came; until when they wait, in ms. */
  const waiting = new Map<(outcome: Outcome) => void, number>();
  let late: NodeJS.Timeout | undefined;

  /** One timer for all, which goes by the oldest. It outlasts those who wait: the next would only set it again. */
  const refuseLate = (): void => {
    const now = performance.now();
    late = undefined;
    for (const [settle, until] of waiting) {
      if (until > now) {
        late = setTimeout(refuseLate, until - now).unref();
        return;
      }
      settle({ error: new ConductorError('unavailable', LATE) });
    }
  };

  const deliver = (drafts: readonly Draft[]): Promise<readonly Receipt[]> =>
    new Promise((resolve, reject) => {
      if (!arrivals.observed) {
        reject(new ConductorError('unavailable', 'the conductor is not taking webhooks right now'));
        return;
      }
      const settle = (outcome: Outcome): void => {
        if (!waiting.delete(settle)) return;
        if ('receipts' in outcome) resolve(outcome.receipts);
        else reject(asRetriable(outcome.error));
      };
      waiting.set(settle, performance.now() + ANSWER_WITHIN_MS);
      late ??= setTimeout(refuseLate, ANSWER_WITHIN_MS).unref();
      arrivals.next({ drafts, settle });
    });

  /** What a delivery is told as, or what is answered to it at once. */
  const read = async (
    name: string,
    headers: IncomingHttpHeaders,
    rawBody: Buffer,
  ): Promise<WebhookAnswer | { drafts: readonly Draft[] }> => {
    const known = endpoints.get(name);
    if (known === undefined) throw new ConductorError('not_found', `there is no webhook "${name}"`);
    if (waiting.size >= MOST_WAITING) throw new ConductorError('unavailable', 'too many deliveries at once');
    const now = clock.now();
    try {
      if (large !== undefined && rawBody.length > MOST_HERE) return await large.read(known, { headers, rawBody }, now);
      const read = readDelivery(known, { headers, rawBody }, now);
      return 'drafts' in read ? { drafts: await kept(read, rawBody) } : read;
    } catch (error) {
      throw error instanceof ConductorError ? error : asRetriable(error);
    }
  };

  return {
    name: 'webhooks',
    get description() {
      return `webhooks: ${[...endpoints.keys()].join(', ') || 'none'}`;
    },
    names: () => [...endpoints.keys()],
    configure: (next) => (endpoints = open(next)),
    open: () =>
      new Observable<Arrival>((subscriber) => {
        const subscription = arrivals.subscribe(subscriber);
        return () => {
          subscription.unsubscribe();
          if (arrivals.observed) return;
          const error = new ConductorError('unavailable', 'the conductor is stopping');
          large?.close(error);
          for (const settle of [...waiting.keys()]) settle({ error });
        };
      }),
    async receive(name, headers, rawBody) {
      // What was read of the delivery is let go before the disk is waited for.
      const told = await read(name, headers, rawBody);
      if (!('drafts' in told)) return told;
      const [receipt] = await deliver(told.drafts);
      if (receipt === undefined) throw asRetriable(new Error('the bus gave no receipt'));
      return { msg_id: receipt.msg_id, duplicate: receipt.duplicate };
    },
  };
};
