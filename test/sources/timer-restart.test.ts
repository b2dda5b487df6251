import { randomBytes } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileBus } from '../../src/bus/file-bus.js';
import type { Bus, Receipt } from '../../src/core/ports.js';
import { openLedger } from '../../src/ledger/ledger.js';
import { listen } from '../../src/sources/listen.js';
import { timerSource } from '../../src/sources/timers.js';
import { logInto } from '../api/world.js';
import { temporary, until } from '../support/service.js';

const now = Date.parse('2026-01-10T11:30:00Z');
const clock = { now: () => now, scheduler: asyncScheduler };
const fired = (slot: string) => ({
  type: 'TIMER_FIRED',
  dedupe_key: `timer:hourly:${slot}`,
  data: { name: 'hourly', slot },
});
const EIGHT = '2026-01-10T08:00:00.000Z';

/** The service's bus, ledger and timer; closes as the service does. */
const open = async (root: string, key: Buffer, missed: 'once' | 'all', lastSlot?: string) => {
  const bus = await openFileBus({ root, key, clock, durability: 'os' });
  const ledger = await openLedger(bus);
  const source = timerSource({
    name: 'hourly',
    cron: '0 * * * *',
    time_zone: 'UTC',
    missed,
    lastSlot: () => lastSlot ?? ledger.view.timers.get('hourly'),
    clock,
  });
  const receipts: Receipt[] = [];
  const record: Bus['record'] = async (drafts) => {
    const given = await bus.record(drafts);
    receipts.push(...given);
    return given;
  };
  return {
    bus,
    receipts,
    begin: () => listen({ bus: { ...bus, record }, clock, random: () => 0, log: logInto([]) }, source).subscribe(),
    slots: async (): Promise<string[]> => {
      const slots: string[] = [];
      for await (const event of bus.read({ types: ['TIMER_FIRED'] }))
        slots.push(String(event.data['slot']).slice(11, 16));
      return slots;
    },
    close: async () => {
      await ledger.close();
      await bus.close();
    },
  };
};

test('what was missed while the service was down is said once, however often it starts', async () => {
  const root = temporary('timer');
  const key = randomBytes(32);
  const first = await open(root, key, 'all');
  await first.bus.record([fired(EIGHT)]);
  await first.close();

  // The second start is told an old slot, as by a ledger that has not caught up: the bus knows better.
  for (const [lastSlot, duplicate] of [
    [undefined, false],
    [EIGHT, true],
  ] as const) {
    const again = await open(root, key, 'all', lastSlot);
    const running = again.begin();
    await until('three slots are offered', () => again.receipts.length === 3);
    running.unsubscribe();
    assert.ok(again.receipts.every((receipt) => receipt.duplicate === duplicate));
    assert.equal(await again.slots(), ['08:00', '09:00', '10:00', '11:00']);
    await again.close();
  }
});

test('a forged TIMER_FIRED hides no slot', async () => {
  const root = temporary('timer');
  const key = randomBytes(32);
  const forger = await openFileBus({ root, key: randomBytes(32), clock, durability: 'os' });
  await forger.record([fired('2026-01-10T11:00:00.000Z')]);
  await forger.close();
  const service = await open(root, key, 'once');
  await service.bus.record([fired(EIGHT)]);
  await service.close();
  const again = await open(root, key, 'once');
  const running = again.begin();
  await until('the slot is said', async () => (await again.slots()).length === 3);
  running.unsubscribe();
  assert.equal(await again.slots(), ['11:00', '08:00', '11:00']);
  await again.close();
});

test.run();
