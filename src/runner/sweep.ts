import { setTimeout as delay } from 'node:timers/promises';
import { inspect, listProcesses, signal, variableOf, type Process } from './processes.js';

/** Which processes belong to a run. */
export interface Mark {
  run_id: string;
  /** The shim: it leads the run's first session. */
  pid: number;
  pid_start?: number | undefined;
  /** Whether another run is alive, so that its processes are left to it. */
  isLivingRun(run_id: string, pid: number): boolean;
}

const GRACE_MS = 3_000;
/** A process that the kernel does not let die must not hold us for ever. */
const GIVE_UP_MS = 10_000;

/** Ourselves and everything above us: never ours to kill, whatever the marks say. */
const lineage = (): Set<number> => {
  const pids = new Set<number>([0, 1]);
  for (let pid = process.pid; pid > 1 && !pids.has(pid); pid = inspect(pid)?.parent ?? 0) pids.add(pid);
  return pids;
};

/**
 * Everything that belongs to the run: by its mark in the environment, which children inherit into any session and
 * keep when their parent dies; by its sessions and by ancestry, for those who cleaned their environment.
 */
export const findTree = (mark: Mark, sessions: Set<number>): Process[] => {
  const untouchable = lineage();
  const all = new Map(listProcesses().map((process) => [process.pid, process]));
  const leader = all.get(mark.pid);
  const leaderIsOurs = leader === undefined || mark.pid_start === undefined || leader.start === mark.pid_start;
  // The pid was given to somebody else since: so was its session.
  if (!leaderIsOurs) sessions.delete(mark.pid);

  const verdicts = new Map<number, boolean>();
  const belongs = (process: Process): boolean => {
    const known = verdicts.get(process.pid);
    if (known !== undefined) return known;
    verdicts.set(process.pid, false);
    const verdict = judge(process);
    verdicts.set(process.pid, verdict);
    return verdict;
  };
  const judge = (process: Process): boolean => {
    if (untouchable.has(process.pid)) return false;
    const run_id = variableOf(process.pid, 'RUN_ID');
    if (run_id === mark.run_id) return true;
    if (run_id !== undefined && run_id !== '' && mark.isLivingRun(run_id, process.pid)) return false;
    if (sessions.has(process.session)) return true;
    const parent = all.get(process.parent);
    return parent !== undefined && belongs(parent);
  };

  const tree = [...all.values()].filter(belongs);
  for (const { pid, session } of tree) if (pid === session) sessions.add(session);
  return tree;
};

/** Kills whatever is left of the run, until nothing is. */
export const sweep = async (mark: Mark, sessions = new Set([mark.pid])): Promise<number> => {
  const killed = new Set<string>();
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    // Frozen first: a process that forks faster than we read /proc would otherwise stay ahead of us.
    const frozen = new Map<number, Process>();
    for (let grown = true; grown;) {
      grown = false;
      for (const found of findTree(mark, sessions)) {
        if (frozen.has(found.pid)) continue;
        grown = true;
        frozen.set(found.pid, found);
        signal(found.pid, 'SIGSTOP');
      }
    }
    if (frozen.size === 0) return killed.size;
    for (const { pid, start } of frozen.values()) {
      // Looked at once more, for the pid may have become somebody else's.
      if (inspect(pid)?.start === start) signal(pid, 'SIGKILL');
      killed.add(`${pid}:${start}`);
    }
    if (performance.now() > deadline) return killed.size;
    await delay(10);
  }
};

/** Asks the run to end, waits a little, then leaves nothing of it. */
export const endTree = async (mark: Mark, graceMs = GRACE_MS): Promise<void> => {
  const sessions = new Set([mark.pid]);
  const leader = inspect(mark.pid);
  const isOurs = leader !== undefined && (mark.pid_start === undefined || leader.start === mark.pid_start);
  if (isOurs) signal(-mark.pid, 'SIGTERM');
  const deadline = performance.now() + graceMs;
  while (isOurs && performance.now() < deadline && findTree(mark, sessions).length > 0) await delay(25);
  await sweep(mark, sessions);
};
