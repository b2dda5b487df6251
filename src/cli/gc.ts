import { existsSync } from 'node:fs';
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunInfo } from '../core/run.js';
import { isWorktreeOf } from '../pipeline/isolated.js';
import { layout } from '../storage/layout.js';
import { retainBus, whileCollecting } from './retention.js';
import type { Opened } from './with-ledger.js';

export interface GcOptions {
  older_than_ms: number;
  keep_failed: boolean;
  dry_run: boolean;
  project_id?: string | undefined;
  /** Also the folders of tasks that have a DONE file and no run left. */
  done_tasks: boolean;
  /** Of the bus, closed files whose messages are all older; undefined: none. */
  bus_older_than_ms: number | undefined;
}

export interface Removed {
  /** Of a run, a task or a worktree; a file where it is of the bus. */
  path: string;
  bytes: number;
}

const sizeOf = async (folder: string): Promise<number> => {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  return bytes;
};

/** Only what has surely ended: its own file says so, and nothing is left of it that an adopter could need. */
const mayGo = ({ ledger, root }: Opened, run: RunInfo, options: GcOptions, now: number): boolean => {
  const ended = Date.parse(run.end_time);
  const open = [...ledger.view.activations.values()].some(
    (activation) => activation.status === 'open' && activation.activation === run.activation,
  );
  return (
    run.status !== 'running' &&
    !(options.keep_failed && run.status === 'failed') &&
    Number.isFinite(ended) &&
    ended > 0 &&
    now - ended > options.older_than_ms &&
    !open &&
    !ledger.view.runs.has(run.run_id) &&
    !existsSync(layout(root.path).raw(run.run_id))
  );
};

const collectRuns = async (opened: Opened, options: GcOptions, now: number): Promise<Removed[]> => {
  const { runs } = opened;
  const removed: Removed[] = [];
  const remove = async (folder: string): Promise<void> => {
    removed.push({ path: folder, bytes: await sizeOf(folder) });
    if (!options.dry_run) await rm(folder, { recursive: true, force: true });
  };
  const tasks = new Set<string>();
  for await (const run of runs.list(options.project_id === undefined ? {} : { project_id: options.project_id })) {
    if (!mayGo(opened, run, options, now)) continue;
    await remove(runs.folder(run));
    tasks.add(runs.folder({ project_id: run.project_id, task_id: run.task_id }));
  }
  for (const folder of options.dry_run ? [] : tasks) {
    const left = await readdir(folder).catch((): string[] => []);
    if (left.length === 0) await rmdir(folder).catch(() => undefined);
    else if (options.done_tasks && left.includes('DONE') && !left.some((name) => /^\d{8}-/.test(name)))
      await remove(folder);
  }
  return removed;
};

const isInside = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** Whether anything open works there, or may go on there. */
const isInUse = ({ view }: Opened['ledger'], folder: string): boolean =>
  [...view.open].some((id) => isWorktreeOf(id, folder)) ||
  [...view.loops.values()].some(({ ended, request }) => ended === undefined && isInside(request.cwd, folder)) ||
  [...view.runs.values()].some(({ cwd }) => isInside(cwd, folder));

/** Worktrees that nobody works in any more, and in which nothing would be lost. */
const collectWorktrees = async (
  { workspaces, ledger }: Opened,
  { older_than_ms, dry_run }: GcOptions,
  now: number,
): Promise<Removed[]> => {
  const removed: Removed[] = [];
  for (const folder of await workspaces.list()) {
    const changed = (await stat(folder)).mtimeMs;
    if (now - changed <= older_than_ms || isInUse(ledger, folder)) continue;
    if ((await workspaces.holds(folder)) !== undefined) continue;
    const bytes = await sizeOf(folder);
    if (dry_run || (await workspaces.close(folder)).removed) removed.push({ path: folder, bytes });
  }
  return removed;
};

/** Removes folders of runs that ended long ago, worktrees in which nothing would be lost, and old files of the bus. One at a time on a root. */
export const collect = (opened: Opened, options: GcOptions, now: number): Promise<Removed[]> =>
  whileCollecting(opened.root.path, async () => {
    const removed = [...(await collectRuns(opened, options, now)), ...(await collectWorktrees(opened, options, now))];
    if (options.bus_older_than_ms === undefined) return removed;
    const bus = { keep_ms: options.bus_older_than_ms, dry_run: options.dry_run };
    return [...removed, ...(await retainBus(opened, opened.ledger, bus))];
  });
