import { z } from 'zod';
import { isReserved, normaliseType } from './event-type.js';
import { ID_RULE, isId } from './id.js';

/** A cause of, or another relation to, an earlier message. `caused_by` carries depth and trust. */
export const parentSchema = z.object({ msg_id: z.string().min(1).max(200), kind: z.string().min(1).max(64) });
export type Parent = z.infer<typeof parentSchema>;

/** Ids of projects and tasks: they become folder names. */
export const idSchema = z.string().refine(isId, ID_RULE);

export const trustSchema = z.enum(['full', 'outside']);
/** `full`: our own and local callers. `outside`: webhooks and whatever they cause. */
export type Trust = z.infer<typeof trustSchema>;

const linkSchema = z.object({ url: z.string(), label: z.string().optional(), kind: z.string().optional() });

/** What a caller says. The bus adds `msg_id` and `ts` and fills the defaults. */
export const draftSchema = z.strictObject({
  type: z
    .string()
    .min(1)
    .max(64)
    .transform(normaliseType)
    .refine((type) => /^[A-Z][A-Z0-9_]*$/.test(type), 'a type is UPPER_SNAKE, as CODE_PUSHED'),
  project_id: idSchema.optional(),
  task_id: idSchema.optional(),
  run_id: z.string().max(128).optional(),
  source: z.string().max(200).optional(),
  actor: z.string().max(200).optional(),
  parents: z.array(parentSchema).max(100).optional(),
  depth: z.int().min(0).max(1_000).optional(),
  dedupe_key: z.string().min(1).max(512).optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  trust: trustSchema.optional(),
  body: z.string().optional(),
  meta: z.record(z.string(), z.string()).optional(),
  links: z.array(linkSchema).max(100).optional(),
  issue_id: z.string().max(200).optional(),
});
export type Draft = z.input<typeof draftSchema>;

/** One message as read back from the bus: the only form in which anything reaches the router. */
export interface Event {
  readonly msg_id: string;
  /** RFC 3339, UTC. */
  readonly ts: string;
  readonly type: string;
  readonly project_id: string;
  readonly task_id?: string;
  readonly run_id?: string;
  readonly source: string;
  readonly actor?: string;
  readonly parents: readonly Parent[];
  /** 0 for what comes from outside, else the cause's depth + 1. */
  readonly depth: number;
  readonly dedupe_key?: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** sha256 of the whole data, where its blob is missing or wrong and `data` holds only the small fields. */
  readonly data_blob?: string;
  readonly trust: Trust;
  readonly body: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly links?: readonly z.infer<typeof linkSchema>[];
  readonly issue_id?: string;
  /** Length and checksum fit: a record that one of our writers wrote whole. Unsealed text never fires a rule. */
  readonly sealed: boolean;
  /** Carries the MAC of the root's key: only then is a reserved type believed. */
  readonly authentic: boolean;
}

/** True when the router, the ledger and the pipeline may act on the event at all. */
export const isBelieved = (event: Event): boolean => event.sealed && (event.authentic || !isReserved(event.type));

/** The `caused_by` parent, if any. */
export const causeOf = (event: { parents?: readonly Parent[] }): string | undefined =>
  event.parents?.find((parent) => parent.kind === 'caused_by')?.msg_id;

/** It comes straight from there: what our runs and handlers say of it inherits its trust, and is our own word. */
export const isFromOutside = (event: Event): boolean =>
  event.trust === 'outside' && event.run_id === undefined && causeOf(event) === undefined;
