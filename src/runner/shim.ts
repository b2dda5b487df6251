import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { inspect } from './processes.js';
import type { RawFolder } from './raw-folder.js';

/**
 * Stands between us and the agent, so that the agent's output and exit code are kept when we die. It leads a session
 * of its own; the agent's stop signals reach it too and must not end it before it wrote the code. File 3 is the slot:
 * the shim alone holds it, so a daemon that the agent leaves behind does not. It joins the run's control group before
 * there is anything that could stay outside.
 */
const SCRIPT = `
raw=$1
group=$2
shift 2
trap : HUP INT TERM
if [ -n "$group" ] && ! echo 0 >"$group/cgroup.procs"; then
  echo 126 >"$raw/exit"
  exit
fi 2>>"$raw/stderr"
echo "$$" >"$raw/pid"
"$@" <"$raw/stdin" >>"$raw/stdout" 2>>"$raw/stderr" 3>&-
echo "$?" >"$raw/exit"
`;

export interface Started {
  pid: number;
  start: number | undefined;
  /** Resolves when the shim is gone. */
  ended: Promise<void>;
}

export interface StartInput {
  raw: RawFolder;
  argv: readonly string[];
  cwd: string;
  env: Record<string, string>;
  slotFd: number | undefined;
  cgroup: string | undefined;
}

/**
 * Throws when it cannot start at all, as in a folder that is not there. Node's own spawn, and not execa: of execa's
 * services none is wanted here, and each start would block us a millisecond longer.
 */
export const startShim = async ({ raw, argv, cwd, env, slotFd, cgroup }: StartInput): Promise<Started> => {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'conductor-run', raw.path, cgroup ?? '', ...argv], {
    cwd,
    env,
    // Its own session and group, and it lives on when we die.
    detached: true,
    stdio: slotFd === undefined ? 'ignore' : ['ignore', 'ignore', 'ignore', slotFd],
  });
  const { pid } = child;
  if (pid === undefined) {
    const [error] = (await once(child, 'error')) as [Error];
    throw error;
  }
  // Not collected before we return to the event loop: even one that is dead already has its place in /proc.
  const start = inspect(pid)?.start;
  // The exit, not the close of its streams: a daemon may hold those for ever.
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return { pid, start, ended };
};
