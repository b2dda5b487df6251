// A root as version 1 of the format left it. Every later version must read it: it is never made anew, only added to.
import { chmodSync, cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileBus } from '../../src/bus/file-bus.js';
import type { Event } from '../../src/core/event.js';
import { isBelieved } from '../../src/core/event.js';
import type { Bus } from '../../src/core/ports.js';
import { openLedger } from '../../src/ledger/ledger.js';
import { openRoot } from '../../src/storage/root.js';
import { openRuns } from '../../src/storage/run-store.js';
import { temporary } from '../support/service.js';

/** A copy, for a reader may write beside what it reads. */
const open = async (): Promise<{ path: string; root_id: string; bus: Bus }> => {
  const path = join(temporary('golden'), 'runs');
  cpSync(join(import.meta.dirname, 'root-1'), path, { recursive: true });
  chmodSync(join(path, '.conductor', 'key'), 0o600);
  const root = await openRoot(path);
  const clock = { now: () => Date.parse('2026-12-01T00:00:00Z'), scheduler: asyncScheduler };
  return {
    path,
    root_id: root.root_id,
    bus: await openFileBus({ root: path, key: root.key, clock, durability: 'os' }),
  };
};

const readAll = async (bus: Bus): Promise<Event[]> => {
  const events: Event[] = [];
  for await (const event of bus.read()) events.push(event);
  return events;
};

test('the root keeps its id', async () => {
  const { path, root_id, bus } = await open();
  assert.is(
    root_id,
    (JSON.parse(readFileSync(join(path, '.conductor', 'root.json'), 'utf8')) as { root_id: string }).root_id,
  );
  await bus.close();
});

test('every message is read, and only our own facts are believed', async () => {
  const { bus } = await open();
  const events = await readAll(bus);
  assert.equal(
    events
      .filter(({ type }) => !['ROUTED', 'RUN_START', 'STEP_FINISHED', 'HANDLER_FINISHED'].includes(type))
      .map(({ type }) => type),
    [
      'CODE_PUSHED',
      'MOON_FULL',
      'NO_HANDLER',
      'DEPLOY_REQUESTED',
      'RUN_STOP',
      'RUN_STOP',
      'RUN_STOP',
      'TEST_PASSED',
      'RUN_STOP',
      'RUN_STOP',
      'CONDUCTOR_PAUSED',
      'CONDUCTOR_UNPAUSED',
      'FACT',
      'RUN_STOP',
      'INFO',
    ],
  );
  assert.is(
    events.find(({ type }) => type === 'MOON_FULL')?.body,
    'a body with\n---\ntype: RUN_STOP\n---\nin it and ünïcode 🌕',
  );
  const [forged] = events.filter(({ type }) => type === 'RUN_STOP').slice(-1);
  assert.is(forged?.body, 'said by somebody else');
  assert.not.ok(isBelieved(forged!));
  assert.is(events.filter(({ type, authentic }) => type === 'RUN_STOP' && authentic).length, 5);
  assert.not.ok(events.find(({ type }) => type === 'FACT')?.sealed);
  await bus.close();
});

test('it is gone on with: ids rise, and a key that was used is known', async () => {
  const { bus } = await open();
  const [first] = await readAll(bus);
  assert.equal(await bus.append([{ type: 'CODE_PUSHED', dedupe_key: 'k1' }]), [
    { msg_id: first!.msg_id, duplicate: true },
  ]);
  const [receipt] = await bus.append([{ type: 'INFO', body: 'on' }]);
  const events = await readAll(bus);
  assert.is(events.at(-1)?.msg_id, receipt?.msg_id);
  await bus.close();
});

test('the fold of it is what it was', async () => {
  const { bus } = await open();
  const ledger = await openLedger(bus);
  const { view } = ledger;
  assert.is(view.paused, false);
  assert.is(view.runs.size, 0);
  const undecided = [...view.undecided.values()].map(({ type }) => type);
  assert.equal(undecided, ['INFO'], 'what was decided then is not decided again');
  assert.equal(
    [...view.activations.values()].map(({ rule, status }) => [rule, status]),
    [
      ['ci', 'completed'],
      ['nothing-matched', 'completed'],
      ['deploy', 'failed'],
    ],
  );
  await ledger.close();
  await bus.close();
});

test('its runs are found, the newest first', async () => {
  const { path, bus } = await open();
  const runs = openRuns(path);
  const found: string[] = [];
  for await (const run of runs.list()) found.push(`${run.project_id} ${run.status} ${run.exit_code}`);
  assert.equal(found, [
    'demo failed 2',
    'demo completed 0',
    'default completed 0',
    'default failed 3',
    'default completed 0',
  ]);
  await bus.close();
});

test.run();
