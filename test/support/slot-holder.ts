// Takes a slot COUNT times, notes when it has it and when it gives it back: `slot-holder.ts ROOT SLOTS LOG COUNT`.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { clock } from '../../src/cli/system.js';
import { openSlots } from '../../src/storage/slots.js';

const [root = '', slots = '', log = '', count = ''] = process.argv.slice(2);
const port = openSlots(root, Number(slots), clock);
await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    const run_id = `${process.pid}-${index}`;
    const slot = await port.acquire({ run_id, project_id: 'p', task_id: 't', agent: 'a' });
    appendFileSync(log, `+${run_id}\n`);
    await delay(10);
    appendFileSync(log, `-${run_id}\n`);
    await slot.release();
  }),
);
