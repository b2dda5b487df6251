import type { Draft } from '../core/event.js';
import { startFact, type AttemptPorts, type AttemptRequest } from './run-attempts.js';

type Request = Omit<AttemptRequest, 'retry'>;

/** The request with the agent that does it, and what is to be said of that before. */
export const chooseAgent = async (
  { chooser, ids }: Pick<AttemptPorts, 'chooser' | 'ids'>,
  asked: Request,
): Promise<{ request: Request; said?: Draft }> => {
  if (chooser === undefined) return { request: asked };
  const { agent, pool, instead } = await chooser.choose(asked.agent);
  const request = { ...asked, agent, ...(pool === undefined ? {} : { pool }) };
  if (instead === undefined) return { request };
  const { type: _type, data: _data, run_id: _run, ...scope } = startFact(asked, ids.runId(), 0);
  const { of, until } = instead;
  return {
    request,
    said: {
      ...scope,
      type: 'RUN_FALLBACK',
      data: { from: of, to: agent, until },
      body: `${of} keeps failing and is left alone until ${until}: ${agent} does it`,
    },
  };
};
