// Starts processes beside the main loop: a start holds up whoever asks for it until the machine has time for the new one.
import { parentPort } from 'node:worker_threads';
import { spawnShell, type Shell } from './shell.js';

/** `open`: its first commands; `end`: its last. */
export type SpawnOrder = { id: number; open: string; fd: number | undefined } | { id: number; end: string };

export type SpawnAnswer =
  { id: number; pid: number; start: number | undefined } | { id: number; error: string } | { id: number; ended: true };

const shells = new Map<number, Shell>();
const say = (answer: SpawnAnswer): void => parentPort?.postMessage(answer);

const open = async (id: number, text: string, fd: number | undefined): Promise<void> => {
  const shell = await spawnShell(text, fd);
  shells.set(id, shell);
  say({ id, pid: shell.pid, start: shell.start });
  await shell.ended;
  shells.delete(id);
  say({ id, ended: true });
};

parentPort?.on('message', (order: SpawnOrder) => {
  if ('end' in order) shells.get(order.id)?.end(order.end);
  else open(order.id, order.open, order.fd).catch((error: Error) => say({ id: order.id, error: error.message }));
});
