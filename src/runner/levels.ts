import { execa } from 'execa';
import { cgroupBase } from './cgroup.js';
import { boxed, type Sandbox } from './sandbox.js';

/** One way of keeping a run together, or apart, and whether it works on this machine. */
export interface Level {
  name: 'cgroup' | 'marks' | 'pidns' | 'bwrap';
  works: boolean;
  /** For people: what it sees and what not, or why it does not work. */
  detail: string;
  /** Every run is at this level. */
  inForce: boolean;
}

const tryBox = async (sandbox: Sandbox, path: string | undefined): Promise<string | undefined> => {
  const box = { cwd: '/', writable: [], asRoot: process.getuid?.() === 0 };
  const [program = '', ...words] = boxed(sandbox, box, ['true']);
  const result = await execa(program, words, {
    reject: false,
    timeout: 5_000,
    all: true,
    extendEnv: false,
    env: { PATH: path ?? '' },
  });
  return result.failed ? result.all.trim().split('\n').at(-1) || result.shortMessage : undefined;
};

/** What this machine allows, for `conductor doctor`. Starts small processes to find out. */
export const isolationLevels = async (environment: NodeJS.ProcessEnv): Promise<Level[]> => {
  const folder = cgroupBase();
  const [pidns, bwrap] = await Promise.all([
    tryBox('pidns', environment['PATH']),
    tryBox('bwrap', environment['PATH']),
  ]);
  const boxLevel = (name: 'pidns' | 'bwrap', problem: string | undefined, what: string): Level => ({
    name,
    works: problem === undefined,
    detail: problem ?? `${what}; for agents with "sandbox: ${name}"`,
    inForce: false,
  });
  return [
    {
      name: 'cgroup',
      works: folder !== undefined,
      detail:
        folder === undefined
          ? 'there is no writable unified control group with cgroup.kill'
          : `each run has a control group below ${folder}: nothing of it can hide`,
      inForce: folder !== undefined,
    },
    {
      name: 'marks',
      works: true,
      detail: 'by environment, ancestry, session and open raw files; a daemon that hides from all four is not seen',
      inForce: folder === undefined,
    },
    boxLevel('pidns', pidns, 'a PID namespace of its own'),
    boxLevel('bwrap', bwrap, 'a bubblewrap box: files read-only but for its folders'),
  ];
};
