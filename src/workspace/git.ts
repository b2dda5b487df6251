import { execa } from 'execa';

export interface GitResult {
  ok: boolean;
  output: string;
}

/** Nothing of the folder's own configuration may start a program, and nothing may ask a person. */
const SAFE = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false', '-c', 'protocol.ext.allow=never'];

/** Runs git in a folder. A failure is a result. */
export const git = async (folder: string, ...args: string[]): Promise<GitResult> => {
  const result = await execa('git', [...SAFE, ...args], {
    cwd: folder,
    reject: false,
    stdin: 'ignore',
    all: true,
    timeout: 60_000,
    maxBuffer: 8 * 1024 * 1024,
    env: { GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
  });
  return { ok: !result.failed, output: result.all };
};
