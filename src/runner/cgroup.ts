import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PREFIX = 'conductor-run-';

const tryRead = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Where the unified hierarchy is mounted. */
const mountPoint = (): string | undefined =>
  tryRead('/proc/self/mountinfo')
    ?.split('\n')
    .map((line) => line.split(' '))
    .find((fields) => fields[fields.indexOf('-') + 1] === 'cgroup2')?.[4];

/** Our own place in it, without the parts that an outer run put us into. */
const ownPath = (): string | undefined => {
  const line = tryRead('/proc/self/cgroup')
    ?.split('\n')
    .find((one) => one.startsWith('0::'));
  const parts = line?.slice(3).split('/') ?? [];
  const ours = parts.findIndex((part) => part.startsWith(PREFIX));
  return line === undefined ? undefined : (ours < 0 ? parts : parts.slice(0, ours)).join('/');
};

/** The folder in which runs get groups of their own; undefined where this machine does not let us. */
const findBase = (): string | undefined => {
  const mount = mountPoint();
  const path = ownPath();
  if (mount === undefined || path === undefined) return undefined;
  const folder = join(mount, path);
  const probe = join(folder, `${PREFIX}probe-${process.pid}`);
  try {
    accessSync(join(folder, 'cgroup.procs'), constants.W_OK);
    mkdirSync(probe);
    const can = existsSync(join(probe, 'cgroup.kill'));
    rmdirSync(probe);
    return can ? folder : undefined;
  } catch {
    return undefined;
  }
};

let base: { folder: string | undefined } | undefined;

export const cgroupBase = (): string | undefined => (base ??= { folder: findBase() }).folder;

export const membersOf = (path: string): number[] =>
  (tryRead(join(path, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number);

const groupsBelow = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
};

/** Whether the process is in the group of a run, whichever: it ends with that. */
export const isInGroup = (pid: number): boolean => tryRead(`/proc/${pid}/cgroup`)?.includes(`/${PREFIX}`) === true;

/** The living processes of the group and of those that a run made below it. */
export const cgroupMembers = (path: string): number[] => [
  ...membersOf(path),
  ...groupsBelow(path).flatMap((inner) => cgroupMembers(inner)),
];

/** Without effect where somebody is still in it. */
const removeGroup = async (path: string): Promise<void> => {
  const remove = (): Promise<boolean> =>
    rmdir(path).then(
      () => true,
      () => false,
    );
  if (await remove()) return;
  for (const inner of groupsBelow(path)) await removeGroup(inner);
  await remove();
};

/**
 * A group of a run's own, or undefined where there can be none. Never one that another run had: whoever still ends
 * that one, in whatever process, would end this one.
 */
export const createCgroup = async (): Promise<string | undefined> => {
  const folder = cgroupBase();
  if (folder === undefined) return undefined;
  const path = join(folder, `${PREFIX}${process.pid}-${randomBytes(8).toString('hex')}`);
  return mkdir(path).then(
    () => path,
    () => undefined,
  );
};

const GIVE_UP_MS = 10_000;
const LOOK_MS = 2;

/** False where it cannot be done. */
const kill = (path: string): Promise<boolean> =>
  writeFile(join(path, 'cgroup.kill'), '1').then(
    () => true,
    () => false,
  );

const removals = new Set<Promise<void>>();

/** Nobody waits for this: the kernel holds up the removal while any process is moved into another group. */
const removeSoon = (path: string, deadline: number): void => {
  const untilRemoved = async (): Promise<void> => {
    await removeGroup(path);
    while (existsSync(path) && performance.now() < deadline) {
      // Somebody came in meanwhile.
      await kill(path);
      await delay(LOOK_MS);
      await removeGroup(path);
    }
  };
  const removal = untilRemoved().finally(() => removals.delete(removal));
  removals.add(removal);
};

/** Resolves when no group is left to be removed. */
export const groupsRemoved = async (): Promise<void> => {
  while (removals.size > 0) await Promise.all(removals);
};

/** Ends whatever is in the group, however it forked. Resolves when nobody is; then the group is removed. */
export const killCgroup = async (path: string): Promise<void> => {
  const deadline = performance.now() + GIVE_UP_MS;
  while (performance.now() < deadline) {
    const events = tryRead(join(path, 'cgroup.events'));
    if (events === undefined) return;
    if (!events.includes('populated 1')) return removeSoon(path, deadline);
    if (!(await kill(path))) return;
    await delay(LOOK_MS);
  }
};

const here = (): string | undefined => {
  const line = tryRead('/proc/self/cgroup')
    ?.split('\n')
    .find((one) => one.startsWith('0::') && one.includes(`/${PREFIX}`));
  return line
    ?.slice(3)
    .split('/')
    .find((part) => part.startsWith(PREFIX));
};

let bornIn: { name: string | undefined } | undefined;

/** The name of the outermost run's group that this process was in when it was first asked. */
export const birthGroup = (): string | undefined => (bornIn ??= { name: here() }).name;

/**
 * A command of ours inside a run leaves that run's group: it reports a child run and must outlive its parent's end.
 * Without effect outside of a run.
 */
export const leaveOuterCgroup = (): void => {
  const folder = cgroupBase();
  if (birthGroup() === undefined || folder === undefined) return;
  try {
    writeFileSync(join(folder, 'cgroup.procs'), String(process.pid));
  } catch {
    // Then it ends with its parent, and whoever finds the child run adopts it.
  }
};
