// A small process that starts those of runs. To fork copies what its caller has in memory, and all threads of that caller
// wait meanwhile: here there is little to copy, and nobody who waits.
import type { LockPlace } from '../core/ports.js';
import { spawnShell, type Shell } from './shell.js';

/** `open`: its first commands; `end`: its last. */
export type SpawnOrder =
  { id: number; open: string; file: string | undefined } | { id: number; end: string; lock: LockPlace | undefined };

export type SpawnAnswer =
  { id: number; pid: number; start: number | undefined } | { id: number; error: string } | { id: number; ended: true };

const shells = new Map<number, Shell>();
/** Without effect when whoever asked is gone. */
const say = (answer: SpawnAnswer): void => void process.send?.(answer, undefined, undefined, () => undefined);

const open = async (id: number, text: string, file: string | undefined): Promise<void> => {
  const shell = await spawnShell(text, file);
  shells.set(id, shell);
  say({ id, pid: shell.pid, start: shell.start });
  await shell.ended;
  shells.delete(id);
  say({ id, ended: true });
};

process.on('message', (order: SpawnOrder) => {
  if ('end' in order) shells.get(order.id)?.end(order.end, order.lock);
  else open(order.id, order.open, order.file).catch((error: Error) => say({ id: order.id, error: error.message }));
});
// Its end is that of whoever started it, who may still need it after such a signal.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
// Those that wait for work end with their input; what runs lives on.
process.on('disconnect', () => process.exit());
