import { z } from 'zod';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Filter } from './filter.js';
import type { Sink } from './sink.js';

/** What a watcher may ask for beside listening; the API says what of it the caller may. */
export interface Commands {
  /** Resolves when the message is durable. */
  post(message: unknown): Promise<{ msg_id: string; duplicate: boolean }>;
  /** Resolves when the run is being ended. */
  cancel(run_id: string): Promise<void>;
}

export const filterSchema = z.strictObject({
  type: z.string().min(1).max(100).optional(),
  project_id: z.string().max(128).optional(),
  task_id: z.string().max(128).optional(),
  run_id: z.string().max(128).optional(),
  rule: z.string().max(64).optional(),
});

/** Given back in the answer, so that a client knows which of its questions it answers. */
const id = z.union([z.string().max(100), z.number()]).optional();
/** Said also of a command that is wrong otherwise. */
const asked = z.object({ id });

const commandSchema = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('subscribe'),
    id,
    filters: z.array(filterSchema).max(100).default([]),
    since: z.string().max(200).optional(),
  }),
  z.strictObject({ op: z.literal('post'), id, message: z.unknown() }),
  z.strictObject({ op: z.literal('cancel'), id, run_id: z.string().min(1).max(128) }),
  z.strictObject({ op: z.literal('ping'), id }),
]);

const parse = (text: Buffer, isBinary: boolean): unknown => {
  if (isBinary) throw new ConductorError('bad_request', 'a command is text');
  try {
    return JSON.parse(text.toString('utf8'));
  } catch (cause) {
    throw new ConductorError('bad_request', `a command is JSON: ${(cause as Error).message}`, { cause });
  }
};

/** Does what one frame of a watcher asks for and answers it. A bad one is said, and the connection stays. */
export const obey = async ({
  sink,
  text,
  isBinary,
  subscribe,
  commands,
}: {
  sink: Sink;
  text: Buffer;
  isBinary: boolean;
  subscribe: (watch: { since?: string | undefined; filters: readonly Filter[] }) => void;
  commands: Commands | undefined;
}): Promise<void> => {
  let given: z.output<typeof asked> = {};
  try {
    const value = parse(text, isBinary);
    given = asked.safeParse(value).data ?? {};
    const command = commandSchema.safeParse(value);
    if (!command.success) {
      const { path, message } = command.error.issues[0]!;
      throw new ConductorError('bad_request', path.length === 0 ? message : `${path.join('.')}: ${message}`);
    }
    const { data } = command;
    if (data.op === 'ping') return sink.say('pong', given);
    if (data.op === 'subscribe') {
      subscribe({ filters: data.filters, since: data.since });
      return sink.say('subscribed', { ...given, filters: data.filters });
    }
    if (commands === undefined) throw new ConductorError('forbidden', 'this connection only listens');
    if (data.op === 'post') return sink.say('posted', { ...given, ...(await commands.post(data.message)) });
    await commands.cancel(data.run_id);
    sink.say('cancelling', { ...given, run_id: data.run_id });
  } catch (error) {
    const { code, message } = toConductorError(error);
    sink.say('error', { ...given, code, message: code === 'internal' ? 'something went wrong here' : message });
  }
};
