import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { project } from '../support/service.js';

/** Its write stops at the byte where the file may not grow any more, and there it is killed. */
const KILLED = `
import { openWriter } from ${JSON.stringify(join(project, 'dist/bus/writer.js'))};
const writer = openWriter({ root: process.argv[1], key: Buffer.alloc(32, 7), clock: { now: Date.now }, durability: 'os' });
await writer.submit([{ type: 'A', body: '---\\nkilled' }], false).catch(() => process.kill(process.pid, 'SIGKILL'));
`;

/** A process that appends one message and is killed at byte `cut` of the file; resolves with the signal that ended it. */
export const killedAt = async (root: string, cut: number): Promise<NodeJS.Signals | null> => {
  const limit = Number.isFinite(cut) ? [`--fsize=${cut}`] : [];
  const child = spawn('prlimit', [...limit, process.execPath, '--input-type=module', '-e', KILLED, root], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal;
};
