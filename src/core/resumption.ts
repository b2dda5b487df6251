import type { AgentDescription } from './ports.js';
import type { RunInfo } from './run.js';

/** What an agent is told that finds the traces of an attempt before its own. */
const WARNING = '\n\nAn earlier attempt at this was interrupted (';

/** `prompt`, with a word about the attempt before; said once, however often it was interrupted. */
export const warnedPrompt = (prompt: string, why: string): string =>
  `${prompt.split(WARNING)[0] ?? ''}${WARNING}${why}) when it had begun to act. Look first at what is there already, and do nothing twice.`;

/** How a run goes on with one that has ended. */
export interface Resumption {
  prompt: string;
  previous_run_id: string;
  /** The agent's own session, where it can go on with it. */
  resume_session?: string;
}

/** `asked`: what the last run was asked with; `told`: other words, where there are any. */
export const resumptionOf = (
  last: Pick<RunInfo, 'run_id' | 'agent' | 'session_id' | 'status' | 'error_summary'>,
  agent: Pick<AgentDescription, 'name' | 'resumes'>,
  { asked, told }: { asked: string; told?: string | undefined },
): Resumption => {
  const { run_id: previous_run_id, session_id, status, error_summary } = last;
  if (session_id === undefined || agent.resumes !== true || agent.name !== last.agent)
    return { prompt: told ?? asked, previous_run_id };
  const again = status === 'failed' ? warnedPrompt(asked, error_summary ?? 'it failed') : asked;
  return { prompt: told ?? again, previous_run_id, resume_session: session_id };
};
