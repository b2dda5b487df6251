import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { ConductorError } from '../../core/errors.js';
import { draftSchema, idSchema, type Draft, type Event } from '../../core/event.js';
import { isReserved, normaliseType } from '../../core/event-type.js';
import type { BusQuery, Receipt } from '../../core/ports.js';
import type { Caller } from '../access/caller.js';
import { messageOfCloudEvent } from '../cloud-event.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { jsonOf } from '../request.js';
import { eventShape, receiptShape, words } from './shapes.js';

const listQuery = z.strictObject({
  /** After this message, from the oldest on; without it, the newest. */
  since_id: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  type: words.transform((types) => types.map(normaliseType)).optional(),
  project_id: idSchema.optional(),
  task_id: idSchema.optional(),
  run_id: z.string().max(128).optional(),
});

/** Whoever shows a run's ticket speaks as that run, whatever the message says. */
export const asCaller = (draft: Draft, caller: Caller, view: ApiOptions['ledger']['view']): Draft => {
  const { run } = caller;
  if (run === undefined) return { ...draft, source: draft.source ?? 'api' };
  const lineage = view.lineage.get(run.run_id);
  return {
    ...draft,
    ...run,
    source: `run:${run.run_id}`,
    depth: Math.max(draft.depth ?? 0, lineage?.depth ?? 0),
    trust: lineage?.trust ?? 'full',
  };
};

/** Appends for a caller. Resolves when durable. */
export const postAs = async (
  { bus, ledger }: Pick<ApiOptions, 'bus' | 'ledger'>,
  draft: z.output<typeof draftSchema>,
  caller: Caller,
): Promise<Receipt> => {
  if (isReserved(draft.type)) {
    throw new ConductorError('reserved_type', `${draft.type} is said by the conductor alone`, {
      details: { field: 'type' },
    });
  }
  const [receipt] = await bus.append([asCaller(draft, caller, ledger.view)]);
  if (receipt === undefined) throw new ConductorError('internal', 'the bus gave no receipt');
  return receipt;
};

/** What is taken as a message, and from whom. */
export const posting = {
  scopes: ['write', 'run'],
  body: draftSchema,
  read: (headers: IncomingHttpHeaders, rawBody: Buffer): unknown =>
    messageOfCloudEvent(headers, rawBody) ?? jsonOf(headers['content-type'] ?? '', rawBody),
} as const;

export const messageRoutes = ({ bus, ledger }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/api/v1/messages',
    summary: 'Says a message, also as a CloudEvent; answers when it is durable.',
    ...posting,
    status: 202,
    answer: receiptShape,
    errors: ['reserved_type', 'too_large', 'unsupported_media_type', 'storage'],
    handle: ({ body, caller }) => postAs({ bus, ledger }, body, caller),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/messages',
    summary: 'The newest messages, or those after one.',
    scopes: ['read', 'run'],
    query: listQuery,
    answer: z.strictObject({ messages: z.array(eventShape), more: z.boolean() }),
    errors: ['not_found'],
    handle: async ({ query: { since_id, limit, type, ...scope } }) => {
      // One more than asked for tells whether there are more.
      const query = {
        ...scope,
        ...(type === undefined ? {} : { types: type }),
        ...(since_id === undefined ? { tail: limit } : { since_id }),
      } as BusQuery;
      const messages: Event[] = [];
      let more = false;
      for await (const event of bus.read(query)) {
        more = messages.length === limit;
        if (more) break;
        messages.push(event);
      }
      return { messages: messages as z.input<typeof eventShape>[], more };
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/messages/:msg_id',
    summary: 'One message.',
    scopes: ['read', 'run'],
    params: z.strictObject({ msg_id: z.string().max(200) }),
    answer: eventShape,
    errors: ['not_found'],
    handle: async ({ params }) => {
      for await (const event of bus.read({ msg_id: params.msg_id })) return event as z.input<typeof eventShape>;
      throw new ConductorError('not_found', `there is no message ${params.msg_id}`);
    },
  }),
];
