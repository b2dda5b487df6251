import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import { matchesGlob } from '../core/glob.js';
import { PUSHES } from '../core/lineage.js';
import type { Blobs } from '../core/ports.js';
import type { Mapping } from '../core/webhook.js';
import { unwrapCloudEvent } from './cloud-event.js';
import { textAt, type Json } from './json.js';
import { compileMapping, type Mapper, type Meaning } from './mapping.js';
import { readOwnType } from './own-types.js';
import type { Delivery, Provider } from './providers/provider.js';
import { cut, legible } from './text.js';

/** A larger payload is kept beside the bus, and the record names it. */
const MOST_INLINE = 32 * 1024;
const MOST_ID = 200;
const MOST_SHORT = 20;

/** The living run that made a commit; undefined at once where none is living. */
export type MadeBy = (commit: string) => Promise<string | undefined> | undefined;

export interface Endpoint {
  name: string;
  provider: Provider;
  map: Mapper;
  isOwn: (login: string) => boolean;
  /** The user has rows of his own. */
  isMapped: boolean;
}

/** `events`: the user's own rows, tried first; `self`: logins of ours. */
export const createEndpoint = (
  name: string,
  provider: Provider,
  { events: rows = [], self = [] }: { events?: readonly Mapping[]; self?: readonly string[] },
): Endpoint => ({
  name,
  provider,
  map: compileMapping([...rows, ...provider.rows]),
  isOwn: (login) => self.some((glob) => matchesGlob(glob, login)),
  isMapped: rows.length > 0,
});

/** What a delivery says, all of it plain: a thread can hand it over. No drafts: nothing here answers to it. */
export interface Reading {
  drafts: Draft[];
  /** Of each draft the run or activation that did it, or the commit whose maker is to be asked for. */
  makers: (string | { sha: string } | undefined)[];
}

type Told = ReturnType<typeof unwrapCloudEvent>;

const meaningsFor = ({ provider, map, isMapped }: Endpoint, delivery: Told): Meaning[] => {
  const { payload, cloudEvent } = delivery;
  const told = map(provider.eventOf(delivery), payload);
  if (told.length > 0 || provider.saysOurTypes !== true) return told;
  // Where rows say what is meant, the rest of what the sender says is for somebody else.
  return isMapped ? [] : [readOwnType(cloudEvent ? { ...cloudEvent } : payload)];
};

const deliveryOf = ({ provider }: Endpoint, delivery: Told): string | undefined => {
  if (delivery.cloudEvent !== undefined) return delivery.cloudEvent.key;
  const id = provider.deliveryOf(delivery);
  if (id !== undefined && id.length > MOST_ID)
    throw new ConductorError('bad_request', `the delivery id is longer than ${MOST_ID} characters`);
  return id;
};

const actorOf = (provider: Provider, payload: Json): string | undefined => {
  for (const path of provider.actor) {
    const actor = textAt(payload, path, 200);
    if (actor !== undefined) return actor;
  }
  return undefined;
};

/** Who sent it: `system` for what machinery says whoever is named, else `self`, `bot` or `person`. */
const actorKind = (
  { system }: Meaning,
  { provider, isOwn }: Endpoint,
  payload: Json,
  actor: string | undefined,
): string => {
  if (system) return 'system';
  if (actor !== undefined && isOwn(actor)) return 'self';
  return provider.isBot?.(payload) || actor?.endsWith('[bot]') ? 'bot' : 'person';
};

/** By its mark; of a push the commit. */
const makerOf = ({ mark, type, data: { sha } }: Meaning): Reading['makers'][number] =>
  mark ?? (PUSHES.has(type) && typeof sha === 'string' ? { sha } : undefined);

/** Short values only, for data whose whole is kept elsewhere. */
const shortOf = (data: Json): Json => {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(data).slice(0, MOST_SHORT)) {
    if (typeof value === 'number' || typeof value === 'boolean') kept[key] = value;
    if (typeof value === 'string') kept[key] = cut(value, 1_000);
  }
  return kept;
};

export const readingOf = (endpoint: Endpoint, given: Delivery): Reading => {
  const { name, provider } = endpoint;
  const delivery: Told = provider.saysOurTypes ? unwrapCloudEvent(given) : given;
  const { payload, rawBody } = delivery;
  const reading: Reading = { drafts: [], makers: [] };
  const meanings = meaningsFor(endpoint, delivery);
  if (meanings.length === 0) return reading;
  const id = deliveryOf(endpoint, delivery);
  const actor = actorOf(provider, payload);
  const isShort = rawBody.length > MOST_INLINE && provider.saysOurTypes === true;
  for (const meaning of meanings) {
    const meta: Record<string, string> = { actor_kind: actorKind(meaning, endpoint, payload, actor) };
    // Names of attributes hold no underscore, so none of ours is said by a sender.
    if (delivery.cloudEvent !== undefined) Object.assign(meta, delivery.cloudEvent.attributes);
    const draft: Draft = {
      type: meaning.type,
      body: legible(meaning.body),
      data: isShort ? shortOf(meaning.data) : meaning.data,
      source: `webhook:${name}`,
      meta,
      depth: 0,
      trust: 'outside',
    };
    if (actor !== undefined) draft.actor = actor;
    // Without an id of the sender's own, two equal bodies are two events: nothing tells them apart from a repetition.
    if (id !== undefined) {
      const number = reading.drafts.length === 0 ? '' : `:${reading.drafts.length}`;
      draft.dedupe_key = `webhook:${name}:${id}${number}`;
    }
    reading.drafts.push(draft);
    reading.makers.push(makerOf(meaning));
  }
  return reading;
};

/** The drafts with what only we know: who made it, and where the whole is kept. What they refer to is durable before. */
export const draftsOf = async (
  { drafts, makers }: Reading,
  rawBody: Buffer,
  { blobs, madeBy }: { blobs: Blobs; madeBy?: MadeBy | undefined },
): Promise<Draft[]> => {
  const payload = rawBody.length > MOST_INLINE ? await blobs.put(rawBody) : undefined;
  for (const [index, draft] of drafts.entries()) {
    const made_by = makers[index];
    const made = typeof made_by === 'object' ? madeBy?.(made_by.sha) : made_by;
    const maker = typeof made === 'object' ? await made : made;
    if (maker !== undefined) draft.meta!['made_by'] = maker;
    if (payload !== undefined) draft.data = { ...draft.data, payload };
  }
  return drafts;
};
