import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { mappingSchema, type Mapping } from '../../core/webhook.js';
import type { Json } from '../json.js';
import type { Verifier } from '../verifiers/verifier.js';

/** A delivery whose signature was good, and what it holds. */
export interface Delivery {
  headers: IncomingHttpHeaders;
  rawBody: Buffer;
  payload: Json;
}

/** Everything that sets one provider apart from the others. */
export interface Provider {
  verifier: Verifier;
  /** The provider's own name of the event; `""` when it says none. */
  eventOf(delivery: Delivery): string;
  /** What tells a repetition from a second event; undefined when nothing does. */
  deliveryOf(delivery: Delivery): string | undefined;
  /** The headers beside the signature that the provider would send; the body says the rest. */
  headersOf?(event: string, delivery: string): Record<string, string>;
  rows: readonly Mapping[];
  /** Where the person or bot behind it stands, the first that is there. */
  actor: readonly string[];
  isBot?(payload: Json): boolean;
  /** What is answered to a provider that only asks whether we are here. */
  challengeOf?(payload: Json): string | undefined;
  /** True when the sender names types of ours by itself, so a wrong one is an error and not for somebody else. */
  saysOurTypes?: boolean;
}

export type Row = z.input<typeof mappingSchema>;

/** The rows of a provider, checked as a user's are. */
export const table = (rows: readonly Row[]): Mapping[] => rows.map((row) => mappingSchema.parse(row));
