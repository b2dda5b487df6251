import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import { afterRun, coolsUntil, type Condition } from '../../src/core/cooling.js';
import { createChooser } from '../../src/pipeline/chooser.js';
import { createAgents } from '../../src/runner/agents.js';
import type { AgentConfig } from '../../src/runner/agents/backend.js';
import { temporary } from '../support/service.js';

const openWorld = (config: Record<string, AgentConfig>, draws: number[] = []) => {
  const bin = temporary('bin');
  for (const name of ['claude', 'codex', 'gemini']) {
    writeFileSync(join(bin, name), '#!/bin/sh\n');
    chmodSync(join(bin, name), 0o755);
  }
  let now = Date.parse('2026-11-21T12:00:00Z');
  const clock = { now: () => now, scheduler: asyncScheduler };
  const bus = openMemoryBus({ clock });
  const agents = createAgents({ config, environment: { PATH: bin } });
  const ports = { bus, agents, clock, random: () => draws.shift() ?? 0.5 };
  let runs = 0;
  const ran = async (agent: string, stop: Record<string, unknown>, pool?: string): Promise<void> => {
    const run_id = `run-${runs++}`;
    await bus.record([
      { type: 'RUN_START', data: { run_id, agent, ...(pool === undefined ? {} : { pool }) } },
      { type: 'RUN_STOP', data: { run_id, ...stop } },
    ]);
  };
  return { ran, pass: (ms: number) => (now += ms), another: () => createChooser(ports) };
};

const GOOD = { status: 'completed' };
const BAD = { status: 'failed', class: 'transient' };

test('those of a pool come in turn, whichever process asks', async () => {
  const { ran, another } = openWorld({ any: { one_of: ['claude', 'codex', 'gemini'] } });
  const seen: string[] = [];
  for (let times = 0; times < 5; times++) {
    const { agent, pool } = await another().choose('any');
    seen.push(agent);
    await ran(agent, GOOD, pool);
  }
  assert.equal(seen, ['claude', 'codex', 'gemini', 'claude', 'codex']);
});

test('also where one process chooses several before any of them was begun', async () => {
  const chooser = openWorld({ any: { one_of: ['claude', 'codex', 'gemini'] } }).another();
  const chosen = await Promise.all([1, 2, 3, 4].map(() => chooser.choose('any')));
  assert.equal(
    chosen.map(({ agent }) => agent),
    ['claude', 'codex', 'gemini', 'claude'],
  );
});

test('or by their weights', async () => {
  const { another } = openWorld({ any: { one_of: { claude: 3, codex: 1 } } }, [0, 0.74, 0.76, 0.999]);
  const chooser = another();
  const seen: string[] = [];
  for (let times = 0; times < 4; times++) seen.push((await chooser.choose('any')).agent);
  assert.equal(seen, ['claude', 'claude', 'codex', 'codex']);
});

test('who keeps failing is left out for a while, and then has its turn again', async () => {
  const { ran, pass, another } = openWorld({ any: { one_of: ['claude', 'codex'] } });
  const chooser = another();
  for (let times = 0; times < 3; times++) await ran('claude', BAD);
  const chosen = async (): Promise<string> => {
    const { agent, pool } = await chooser.choose('any');
    await ran(agent, GOOD, pool);
    return agent;
  };
  assert.equal([await chosen(), await chosen()], ['codex', 'codex']);
  pass(61_000);
  assert.equal([await chosen(), await chosen()], ['claude', 'codex']);
});

test('an agent that is not installed is never chosen; of agents that all fail it is the first to be well', async () => {
  const { ran, another } = openWorld({
    absent: { command: ['not-here'] },
    any: { one_of: ['absent', 'claude', 'codex'] },
  });
  const at = (hours: number): string => new Date(Date.parse('2026-11-21T12:00:00Z') + hours * 3_600_000).toISOString();
  await ran('claude', { ...BAD, reason: 'rate_limit', retry_at: at(3) });
  await ran('codex', { ...BAD, reason: 'rate_limit', retry_at: at(2) });
  assert.is((await another().choose('any')).agent, 'codex');
});

test('an agent whose quota is used up gives way to its fallback until the reset, and it is told why', async () => {
  const { ran, pass, another } = openWorld({ claude: { fallback: ['codex'] } });
  const chooser = another();
  assert.equal(await chooser.choose('claude'), { agent: 'claude' });
  const retry_at = '2026-11-21T13:00:00.000Z';
  await ran('claude', { ...BAD, reason: 'rate_limit', retry_at });
  assert.equal(await chooser.choose('claude'), { agent: 'codex', instead: { of: 'claude', until: retry_at } });
  pass(3_600_001);
  assert.equal(await chooser.choose('claude'), { agent: 'claude' });
});

test('what we end ourselves is no fault of the agent, and a success forgives all', () => {
  let condition: Condition | undefined;
  const ended = (reason?: string): void => {
    condition = afterRun(condition, { status: 'failed', ...(reason === undefined ? {} : { reason }) }, 0);
  };
  for (const reason of ['timeout', 'stopped: asked for', 'budget', 'idle', 'lost']) ended(reason);
  assert.is(condition, undefined);
  for (let times = 0; times < 9; times++) ended();
  assert.is(coolsUntil(condition, 1), 15 * 60_000, 'a quarter of an hour at the most');
  assert.is(afterRun(condition, { status: 'completed' }, 1), undefined);
});

test('a pool within a pool is a fault of the configuration', async () => {
  const agents = createAgents({
    config: { a: { one_of: ['b'] }, b: { one_of: ['claude'] } },
    environment: { PATH: '' },
  });
  assert.throws(() => agents.find('a'), /the agent "a" cannot be one of "b", which is several itself/);
});

test.run();
