import { execa } from 'execa';
import { toConductorError } from '../core/errors.js';
import type { RunnableAgents } from './agents.js';
import { readToken } from './environment.js';

/** One agent as it is found here. */
export interface Probed {
  name: string;
  backend: string;
  program?: string;
  version?: string;
  /** Why it cannot run, with the remedy. */
  problem?: string;
}

const versionOf = async (program: string, words: readonly string[]): Promise<string | undefined> => {
  const result = await execa(program, [...words, '--version'], { reject: false, timeout: 10_000, stdin: 'ignore' });
  const [line] = result.stdout.split('\n');
  return result.failed || !line ? undefined : line.trim();
};

/** Looks at every known agent, for `conductor doctor`: is its program there, which version, is its key in order. */
export const probeAgents = (agents: RunnableAgents): Promise<Probed[]> =>
  Promise.all(
    agents.list().map(async ({ name, backend, program, argv, kind, config }): Promise<Probed> => {
      const found = { name, backend, ...(program === undefined ? {} : { program }) };
      try {
        agents.find(name);
        if (config.token_file !== undefined) readToken(config.token_file);
        const asks = program !== undefined && kind.program !== undefined;
        const version = asks ? await versionOf(program, argv.slice(1)) : undefined;
        return { ...found, ...(version === undefined ? {} : { version }) };
      } catch (error) {
        return { ...found, problem: toConductorError(error).message };
      }
    }),
  );
