import { dirname } from 'node:path';
import { killCgroup, membersOf } from './cgroup.js';
import type { RawFolder } from './raw-folder.js';
import type { LockPlace } from '../core/ports.js';
import type { OpenShell } from './shell.js';

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * What the shim reads first. It joins the run's control group before there is anything that could stay outside, and
 * takes the group away if nothing follows.
 */
const waiting = (group: string | undefined): string =>
  group === undefined
    ? 'trap : HUP INT TERM\n'
    : `trap : HUP INT TERM
conductor_group=${quote(group)}
conductor_home=${quote(dirname(group))}
trap 'echo 0 >"$conductor_home/cgroup.procs"; rmdir "$conductor_group"' EXIT
echo 0 >"$conductor_group/cgroup.procs" || conductor_outside=1
`;

export interface Work {
  raw: RawFolder;
  /** The file that the agent reads. */
  input: string;
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
}

/**
 * What it reads then, as one command, so that of half of it nothing is done. File 3 is the slot: the shim alone holds
 * it, so a daemon that the agent leaves behind does not.
 */
export const working = ({ raw, input, argv, cwd, env }: Work): string => {
  const file = (name: string): string => quote(`${raw.path}/${name}`);
  return `{
trap - EXIT
if [ -n "$conductor_outside" ]; then echo 126 >${file('exit')}; exit; fi
if ! cd -P -- ${quote(cwd)} 2>>${file('stderr')}; then echo 126 >${file('exit')}; exit; fi
unset PATH OLDPWD
${Object.entries(env)
  .map(([name, value]) => `command export ${name}=${quote(value)}`)
  .join('\n')}
${argv.map(quote).join(' ')} <${quote(input)} >>${file('stdout')} 2>>${file('stderr')} 3>&-
echo "$?" >${file('exit')}
exit
}
`;
};

export interface Started {
  pid: number;
  start: number | undefined;
  cgroup: string | undefined;
  /** Resolves when the shim is gone. */
  ended: Promise<void>;
}

/** A shim that has no work yet. */
export interface Shim {
  pid: number;
  /** Clock ticks since boot. */
  start: number | undefined;
  cgroup: string | undefined;
  /** Whether it lives, and has joined its group. */
  isReady(): boolean;
  /** `lock`: its slot, where it was opened with a seat. */
  begin(work: Work, lock?: LockPlace): Started;
  /** Ends it, with its group and its seat. */
  discard(): Promise<void>;
}

/**
 * A shell between us and the agent, so that the agent's output and exit code are kept when we die. The agent's stop
 * signals reach it too and must not end it before it wrote the code. What it is to do comes over its input: its secrets
 * are in no file and in no list of processes, and it may start before it is known. `seat`: the open slot, or the
 * file in which it can hold one later.
 */
export const openShim = async (
  open: OpenShell,
  cgroup: string | undefined,
  seat: number | string | undefined,
): Promise<Shim> => {
  const shell = await open(waiting(cgroup), seat);
  const { pid, start, ended } = shell;
  return {
    pid,
    start,
    cgroup,
    isReady: () => !shell.hasEnded() && (cgroup === undefined || membersOf(cgroup).includes(pid)),
    begin(work, lock) {
      shell.end(working(work), lock);
      return { pid, start, cgroup, ended };
    },
    async discard() {
      shell.end('');
      if (cgroup !== undefined) await killCgroup(cgroup);
    },
  };
};
