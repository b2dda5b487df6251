import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process as /proc tells it. */
export interface Process {
  pid: number;
  parent: number;
  session: number;
  /** Clock ticks since boot: with the pid it is the identity. */
  start: number;
}

const tryRead = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Undefined when it is gone, or dead and only waits to be collected. */
export const inspect = (pid: number): Process | undefined => {
  const stat = tryRead(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name, field 2, may hold spaces and brackets: everything else comes after its last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, parent: Number(fields[1]), session: Number(fields[3]), start: Number(fields[19]) };
};

export const listProcesses = (fits: (pid: number) => boolean = () => true): Process[] =>
  readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    return pid > 0 && fits(pid) ? (inspect(pid) ?? []) : [];
  });

/** How far the kernel was in giving out numbers. */
export interface Births {
  last: number;
  /** Since boot, threads too. */
  count: number;
}

export const birthsNow = (): Births | undefined => {
  const last = Number(tryRead('/proc/loadavg')?.split(' ')[4]);
  const count = Number(/^processes (\d+)$/m.exec(tryRead('/proc/stat') ?? '')?.[1]);
  return Number.isInteger(last) && Number.isInteger(count) ? { last, count } : undefined;
};

/** So few that even the smallest space of numbers was not gone through once. */
const FEW = 16_384;

/** Whether a number may have been given out since then: after so many that they may have come round, each may. */
export const bornSince = (then: Births | undefined): ((pid: number) => boolean) => {
  const now = birthsNow();
  if (then === undefined || now === undefined || now.count - then.count > FEW) return () => true;
  return now.last >= then.last
    ? (pid) => pid > then.last && pid <= now.last
    : (pid) => pid > then.last || pid <= now.last;
};

/** One variable of the environment it was started with; undefined also when we may not look. */
export const variableOf = (pid: number, name: string): string | undefined => {
  const environment = tryRead(`/proc/${pid}/environ`);
  return environment
    ?.split('\0')
    .find((entry) => entry.startsWith(`${name}=`))
    ?.slice(name.length + 1);
};

/** Begun by its parent a moment ago, and not yet the program that it is to be: it has all that its parent has open. */
export const isFork = ({ pid, parent }: Process): boolean => {
  const words = tryRead(`/proc/${pid}/cmdline`);
  return words !== undefined && words !== '' && words === tryRead(`/proc/${parent}/cmdline`);
};

export const isAlive = (pid: number, start: number | undefined): boolean => {
  if (pid <= 0) return false;
  const found = inspect(pid);
  return found !== undefined && (start === undefined || found.start === start);
};

const POLL_MS = 100;

/** For a process that is not our child there is only looking. */
export const untilGone = async (pid: number, start: number | undefined): Promise<void> => {
  while (isAlive(pid, start)) await delay(POLL_MS);
};

const findPidNamespace = (): string => {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return 'unknown';
  }
};

/** Neither changes while we live. */
const here: { boot?: string; namespace?: string } = {};

/** Changes with every boot: no identity of a process outlives it. */
export const bootId = (): string => (here.boot ??= tryRead('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown');

/** Processes of another PID namespace have numbers that mean nothing here. */
export const pidNamespace = (): string => (here.namespace ??= findPidNamespace());

/** Whether a file of the folder is open in the process, or is its working directory. False also when we may not look. */
export const usesFolder = (pid: number, folder: string): boolean => {
  const inside = (path: string): boolean => path === folder || path.startsWith(`${folder}/`);
  const target = (link: string): string => {
    try {
      return readlinkSync(link);
    } catch {
      return '';
    }
  };
  if (inside(target(`/proc/${pid}/cwd`))) return true;
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inside(target(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false;
  }
};

/** False when it was gone already. */
export const signal = (pid: number, name: NodeJS.Signals): boolean => {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
};
