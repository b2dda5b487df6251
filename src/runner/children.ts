import { setTimeout as delay } from 'node:timers/promises';
import { ownerOf } from './owner.js';
import { isAlive } from './processes.js';
import { rawFolder, type Child, type RawFolder } from './raw-folder.js';

/** How long the children of a run that has ended are awaited before they are stopped. */
export const CHILDREN_LIMIT_MS = 300_000;
const POLL_MS = 200;
const GIVE_UP_MS = 30_000;

/** Whether anybody still works at the run: its reporter, or its shim. */
const isAtWork = (raw: RawFolder): boolean => {
  if (!raw.exists()) return false;
  if (ownerOf(raw.owner) !== undefined) return true;
  const note = raw.note();
  return note !== undefined && raw.exitCode() === undefined && isAlive(note.pid, note.pid_start);
};

export const livingChildren = (rootPath: string, raw: RawFolder): Child[] =>
  raw.children().filter(({ run_id, to }) => to === undefined && isAtWork(rawFolder(rootPath, run_id)));

/** Milliseconds up to `now` during which at least one child lived: time in which the parent may have waited for it. */
export const timeWithChildren = (children: readonly Child[], now: number): number => {
  const spans = children.map(({ from, to }) => [from, to ?? now] as const).sort((a, b) => a[0] - b[0]);
  let total = 0;
  let reached = 0;
  for (const [from, to] of spans) {
    total += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return total;
};

/** Waits for the children to end; those that do not within the limit are told to stop. False when some were. */
export const awaitChildren = async (
  rootPath: string,
  raw: RawFolder,
  limit_ms: number,
  stopChild: (run_id: string) => void,
): Promise<boolean> => {
  const deadline = performance.now() + limit_ms;
  let inTime = true;
  for (;;) {
    const living = livingChildren(rootPath, raw);
    if (living.length === 0) return inTime;
    // One that cannot be ended must not hold its parent for ever.
    if (performance.now() > deadline + GIVE_UP_MS) return false;
    if (performance.now() > deadline) {
      inTime = false;
      for (const { run_id } of living) stopChild(run_id);
    }
    await delay(POLL_MS);
  }
};
