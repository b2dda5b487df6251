import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileBus } from '../../src/bus/file-bus.js';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import { busContract } from '../contract/bus.js';
import { key } from './support.js';

busContract('memory bus', (clock) => {
  const bus = openMemoryBus({ clock });
  return Promise.resolve({ bus, done: () => bus.close() });
});

for (const durability of ['os', 'fsync'] as const) {
  busContract(`file bus, ${durability}`, async (clock) => {
    const root = mkdtempSync(join(tmpdir(), 'bus-'));
    const bus = await openFileBus({ root, key, clock, durability });
    return {
      bus,
      async done() {
        await bus.close();
        rmSync(root, { recursive: true, force: true });
      },
    };
  });
}
