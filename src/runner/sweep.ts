import { setTimeout as delay } from 'node:timers/promises';
import { pidsApart } from './apart.js';
import { isInGroup } from './cgroup.js';
import { isLivingRun, livingOwners } from './living.js';
import {
  bornSince,
  inspect,
  isFork,
  listProcesses,
  signal,
  usesFolder,
  variableOf,
  type Births,
  type Process,
} from './processes.js';
import { rawFolder } from './raw-folder.js';

/** Which processes belong to a run. */
export interface Mark {
  rootPath: string;
  run_id: string;
  /** The shim: it leads the run's first session. −1: not known, or a number of another boot or namespace. */
  pid: number;
  pid_start?: number | undefined;
  /** The run's control group, where it has one: what is not in it has left it, as an agent can that is root. */
  cgroup?: string | undefined;
  /** Before anything of the run but its shim was there. */
  since?: Births | undefined;
}

/** A process that the kernel does not let die must not hold us for ever. */
const GIVE_UP_MS = 10_000;

/** Ourselves and everything above us: never ours to kill, whatever the marks say. */
const lineage = (): Set<number> => {
  const pids = new Set<number>([0, 1]);
  for (let pid = process.pid; pid > 1 && !pids.has(pid); pid = inspect(pid)?.parent ?? 0) pids.add(pid);
  return pids;
};

/** Who is never ended with the run, whatever marks it carries, and the processes whose children are not, either. */
const reportersBeside = (mark: Mark) => {
  const untouchable = lineage();
  const owners = livingOwners(mark.rootPath);
  for (const { pid } of owners) untouchable.add(pid);
  const own = owners.find(({ run_id }) => run_id === mark.run_id)?.pid;
  // What a reporter of other runs starts for itself, as git, carries the mark of the run that it stands in.
  const reporters = new Set(owners.map(({ pid }) => pid).filter((pid) => pid !== own));
  for (const pid of pidsApart(mark.rootPath)) {
    untouchable.add(pid);
    if (pid !== own) reporters.add(pid);
  }
  return { untouchable, reporters, own };
};

/**
 * Everything that belongs to the run: by its mark in the environment, which children inherit into any session and
 * keep when their parent dies; by its sessions, by ancestry and by the raw files it holds open, for those who cleaned
 * their environment. Other living runs and the processes that report them are left alone.
 */
export const findTree = (mark: Mark, sessions: Set<number>): Process[] => {
  const isYoung = bornSince(mark.since);
  // Of a run with a group only what has left every group is looked for: that is one short file a process.
  const isOutside = (pid: number): boolean => mark.cgroup === undefined || !isInGroup(pid);
  const all = new Map(
    listProcesses((pid) => (pid === mark.pid || isYoung(pid)) && isOutside(pid)).map((process) => [
      process.pid,
      process,
    ]),
  );
  if (all.size === 0) return [];
  const raw = rawFolder(mark.rootPath, mark.run_id);
  const leader = all.get(mark.pid);
  const leaderIsOurs = leader === undefined || mark.pid_start === undefined || leader.start === mark.pid_start;
  // The pid was given to somebody else since: so was its session.
  if (!leaderIsOurs) sessions.delete(mark.pid);

  const treeWithout = (isSpared: (process: Process) => boolean): Process[] => {
    const verdicts = new Map<number, boolean>();
    const belongs = (process: Process): boolean => {
      const known = verdicts.get(process.pid);
      if (known !== undefined) return known;
      verdicts.set(process.pid, false);
      const verdict = !isSpared(process) && carriesMark(process);
      verdicts.set(process.pid, verdict);
      return verdict;
    };
    const carriesMark = (process: Process): boolean => {
      // Nothing of a run is older than its shim.
      if (mark.pid > 0 && mark.pid_start !== undefined && process.start < mark.pid_start) return false;
      const run_id = variableOf(process.pid, 'RUN_ID');
      if (run_id === mark.run_id) return true;
      if (run_id !== undefined && run_id !== '' && isLivingRun(mark.rootPath, run_id)) return false;
      if (sessions.has(process.session)) return true;
      const parent = all.get(process.parent);
      if (parent !== undefined && belongs(parent)) return true;
      return usesFolder(process.pid, raw.path);
    };
    return [...all.values()].filter(belongs);
  };
  // To know who is spared costs what there are runs.
  if (treeWithout(() => false).length === 0) return [];
  // Known before the marks are looked at again: what was a fork of its reporter then may carry none any more.
  const { untouchable, reporters, own } = reportersBeside(mark);
  const tree = treeWithout(
    (process) =>
      untouchable.has(process.pid) || reporters.has(process.parent) || (process.parent === own && isFork(process)),
  );
  for (const { pid, session } of tree) if (pid === session) sessions.add(session);
  return tree;
};

/** Kills whatever carries the run's marks, until nothing does. */
export const sweepMarks = async (mark: Mark): Promise<void> => {
  const sessions = new Set([mark.pid]);
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
    if (frozen.size === 0) return;
    // Looked at once more, for the pid may have become somebody else's.
    for (const { pid, start } of frozen.values()) if (inspect(pid)?.start === start) signal(pid, 'SIGKILL');
    if (performance.now() > deadline) return;
    await delay(10);
  }
};
