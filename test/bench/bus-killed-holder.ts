/** How long an append waits after the holder of the lock was killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileBus } from '../../src/bus/file-bus.js';
import { clock } from '../../src/cli/system.js';
import { project, until } from '../support/service.js';
import type { Report } from './measure.js';

const ROUNDS = 20;
const HOLDER = `
import { openLock } from ${JSON.stringify(join(project, 'dist/bus/lock.js'))};
await openLock(process.argv[1]).hold(() => {
  process.stdout.write('.');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

export const killedHolder = async (report: Report): Promise<void> => {
  const root = mkdtempSync(join(tmpdir(), 'bus-bench-'));
  const bus = await openFileBus({ root, key: Buffer.alloc(32, 7), clock, durability: 'fsync' });
  await bus.append([{ type: 'INFO' }]);
  const waits = new RegExp(`-> OFDLCK .*:${statSync(join(root, '.conductor', 'bus.lock')).ino} `);
  let slowest = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const receipt = bus.append([{ type: 'INFO' }]);
    await until('the append waits', () => waits.test(readFileSync('/proc/locks', 'utf8')));
    const killed = performance.now();
    holder.kill('SIGKILL');
    await receipt;
    slowest = Math.max(slowest, performance.now() - killed);
  }
  report({
    name: `slowest of ${ROUNDS} appends after the lock's holder was killed`,
    kind: 'time',
    ours: slowest,
    reference: 50,
    against: '50 ms',
    bar: 1,
  });
  await bus.close();
  rmSync(root, { recursive: true });
};
