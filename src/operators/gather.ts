import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import type { Bus, Receipt } from '../core/ports.js';

interface Call {
  drafts: readonly Draft[];
  resolve: (receipts: Receipt[]) => void;
  reject: (error: unknown) => void;
}

type Say = Bus['append'];

const isRefusal = (error: unknown): boolean => error instanceof ConductorError && error.status < 500;

const draftsOf = (calls: readonly Call[]): readonly Draft[] => {
  const drafts: Draft[] = [];
  for (const call of calls) for (const draft of call.drafts) drafts.push(draft);
  return drafts;
};

/** All of it as one call, each told its own part. */
const send = async (say: Say, calls: readonly Call[]): Promise<void> => {
  try {
    const receipts = await say(draftsOf(calls));
    let from = 0;
    for (const { drafts, resolve } of calls) resolve(receipts.slice(from, (from += drafts.length)));
  } catch (error) {
    // A call is refused as a whole, before any of it is written: the others must not pay for one that is wrong.
    if (calls.length > 1 && isRefusal(error)) for (const call of calls) void send(say, [call]);
    else for (const { reject } of calls) reject(error);
  }
};

/**
 * What many callers say in one turn of the event loop reaches the bus together: requests that arrived at once would else be
 * written by the first of them and then by the rest.
 */
export const gather = ({ append, record }: Pick<Bus, 'append' | 'record'>): Pick<Bus, 'append' | 'record'> => {
  let waiting = new Map<Say, Call[]>();

  const flush = (): void => {
    const calls = waiting;
    waiting = new Map();
    for (const [say, said] of calls) void send(say, said);
  };

  const through =
    (say: Say): Say =>
    (drafts) =>
      new Promise((resolve, reject) => {
        if (waiting.size === 0) setImmediate(flush);
        const call = { drafts, resolve, reject };
        const calls = waiting.get(say);
        if (calls) calls.push(call);
        else waiting.set(say, [call]);
      });

  return { append: through(append), record: through(record) };
};
