/**
 * The service is killed again and again while windows of every kind are open and events go on coming; what was decided must be
 * what one undisturbed decision of the same bus gives.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileBus } from '../../src/bus/file-bus.js';
import { clock } from '../../src/cli/system.js';
import type { Event } from '../../src/core/event.js';
import type { Routed } from '../../src/core/ledger-view.js';
import { emptyView, fold } from '../../src/ledger/fold.js';
import { compileTable } from '../../src/router/compile.js';
import { loadTable } from '../../src/router/load-table.js';
import { Replay } from '../../src/router/replay.js';
import { openRoot } from '../../src/storage/root.js';
import { cleanEnvironment, startService, temporary, until, type Service } from '../support/service.js';
import { randomOf } from '../support/random.js';
import type { Chaos } from './run.js';

const KILLS = 12;
const BY = 'per: data.k';
const RULES = `rules:
  - { id: throttle, on: A, do: noop, throttle: { first: 2, within: 400ms, ${BY} } }
  - { id: debounce, on: A, do: noop, debounce: { quiet: 150ms, max_wait: 900ms, ${BY} } }
  - { id: threshold, on: A, do: noop, threshold: { at_least: 4, within: 500ms, ${BY} } }
  - { id: sustained, on: A, match: { data.bad: true }, do: noop, sustained: { for: 200ms, ${BY} } }
  - { id: all, on: { all: [A, B], within: 300ms, by: data.k }, do: noop }
  - { id: any, on: { any: [A, B], within: 300ms, by: data.k }, do: noop }
  - { id: missing, on: { not_all: [A, B], within: 300ms, by: data.k }, do: noop }
  - { id: budget, on: B, do: noop, budget: { runs_per_day: 30 } }
  - { id: few, on: A, do: noop, max_fires: 20, throttle: { first: 1, within: 1s } }
  - { id: breaker, on: B, do: noop, breaker: { fires: 5, within: 700ms, ${BY} } }
  - { id: chain, on: A, do: noop, threshold: { at_least: 2, within: 400ms, ${BY} }, debounce: { quiet: 200ms }, throttle: { first: 1, within: 1s } }
`;

type Decided = Pick<Routed, 'fired' | 'held' | 'suppressed' | 'errors'>;

/** What came of each rule and event, and of how many events each start was made. */
const outcomesOf = (decisions: readonly Decided[]): string[] =>
  decisions
    .flatMap(({ fired, held, suppressed, errors }) => [
      ...fired.map(({ activation, event, folded }) => `fired ${activation} ${event} ${folded?.events.join() ?? 1}`),
      ...held.map(({ rule, event, stage }) => `held ${rule} ${event} ${stage}`),
      ...suppressed.map(({ rule, event, reason }) => `suppressed ${rule} ${event} ${reason}`),
      ...errors.map(({ rule, event }) => `error ${rule} ${event}`),
    ])
    .sort();

const undisturbed = async (rules: string, events: readonly Event[]): Promise<Decided[]> => {
  const { table } = await loadTable(rules);
  const replay = new Replay(compileTable(table), { view: emptyView(), fold });
  const decisions = events.map((event) => replay.decide(event));
  for (let due = replay.next(); due !== undefined; due = replay.next()) decisions.push(replay.due(due));
  return decisions;
};

const chaos: Chaos = async ({ seed, log }) => {
  const random = randomOf(seed);
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const folder = temporary('rules-chaos');
  for (const name of ['rules', 'handlers']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'rules', 'r.yaml'), RULES);
  writeFileSync(join(folder, 'handlers', 'noop.yaml'), 'name: noop\nsteps: [{ emit: { type: NOTED } }]\n');
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  const root = await openRoot(join(folder, 'runs'));
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'os' });
  const env = cleanEnvironment();
  const start = (): Promise<Service> => startService([], { cwd: folder, env });

  let isSpeaking = true;
  let said = '';
  const speaking = (async () => {
    while (isSpeaking) {
      const data = { k: Math.floor(random() * 4), bad: random() < 0.8 };
      const [receipt] = await bus.append([{ type: random() < 0.6 ? 'A' : 'B', data }]);
      said = receipt!.msg_id;
      await pause(random() ** 3 * 150);
    }
  })();

  for (let kill = 0; kill < KILLS; kill++) {
    const { process } = await start();
    await pause(100 + random() * 1_200);
    const gone = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await gone;
    await pause(random() * 500);
  }
  isSpeaking = false;
  await speaking;

  const service = await start();
  const { table } = await loadTable(join(folder, 'rules'));
  const events: Event[] = [];
  const decisions: Routed[] = [];
  const read = async (): Promise<void> => {
    events.length = decisions.length = 0;
    for await (const event of bus.read()) {
      if (event.type === 'A' || event.type === 'B') events.push(event);
      if (event.type === 'ROUTED') decisions.push(event.data as unknown as Routed);
    }
  };
  const expected = async (): Promise<string[]> => outcomesOf(await undisturbed(join(folder, 'rules'), events));
  try {
    await until('the last event is decided', async () => {
      await read();
      return decisions.some(({ last = '' }) => last >= said) || undefined;
    });
    const wanted = (await expected()).filter((one) => one.startsWith('fired')).length;
    await until(
      `${wanted} starts`,
      async () => {
        await read();
        return outcomesOf(decisions).filter((one) => one.startsWith('fired')).length >= wanted || undefined;
      },
      10_000,
    ).catch(() => undefined);
  } finally {
    await service.stop();
    await read();
    await bus.close();
  }
  // What the handlers emit matches no rule.
  const found = outcomesOf(decisions);
  const whole = await expected();
  const lost = whole.filter((one) => !found.includes(one));
  const surplus = found.filter((one) => !whole.includes(one));
  if (lost.length + surplus.length > 0 || new Set(found).size !== found.length)
    throw new Error(
      `seed ${seed}: of ${whole.length} outcomes ${lost.length} are missing (${lost.slice(0, 5).join('; ')}), ${surplus.length} are others (${surplus.slice(0, 5).join('; ')}), in ${folder}`,
    );
  const starts = whole.filter((one) => one.startsWith('fired'));
  for (const { id } of table.rules)
    if (!starts.some((one) => one.startsWith(`fired ${id}/`)))
      throw new Error(`${id} never started: nothing was tried`);
  log(
    `${KILLS} kills while ${events.length} events came: ${whole.length} outcomes, ${starts.length} starts, as without a crash`,
  );
};
export default chaos;
