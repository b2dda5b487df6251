import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NEVER } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import { clock } from '../../src/cli/system.js';
import type { Event } from '../../src/core/event.js';
import { runAttempts } from '../../src/pipeline/attempts.js';
import { temporary } from '../support/service.js';
import { openWorld, script, type Act, type WorldOptions } from './world.js';

const attempts = async (options: WorldOptions, prompt: string, count: number) => {
  const world = await openWorld(options);
  const bus = openMemoryBus({ clock });
  const {
    run_id: _id,
    attempt: _attempt,
    ...request
  } = world.specOf('first', prompt, {
    env: { FAKE_AGENT_MEMORY: join(temporary('memory'), 'script') },
  });
  const result = await runAttempts(
    { bus, runner: world.runner, agents: world.agents, ids: world.ids, clock, random: () => 0.5 },
    { ...request, retry: { attempts: count, base_ms: 10, cap_ms: 20 } },
    NEVER,
  );
  const said: Event[] = [];
  for await (const event of bus.read()) said.push(event);
  return { ...result, said };
};

/** A script of its own for each call, by how often the file was noted. */
const inTurn = (path: string, ...turns: Act[][]): string => script({ turn: [path, turns] });

test('when its quota is used up another agent goes on, and that is said', async () => {
  const path = join(temporary('turn'), 'turn');
  const { end, said } = await attempts(
    { config: { first: { backend: 'claude', fallback: ['absent', 'codex'] } } },
    inTurn(
      path,
      [{ result: '429 usage limit reached, try again in 3 hours' }, { exit: 1 }],
      [{ say: 'mine' }, { result: true }],
    ),
    1,
  );
  assert.equal([end.status, end.output], ['completed', 'mine'], end.error_summary);
  assert.equal(
    said.map(({ type, data }) => [type, data['agent'] ?? data['to'] ?? data['reason']]),
    [
      ['RUN_START', 'first'],
      ['RUN_STOP', 'rate_limit'],
      ['RUN_FALLBACK', 'codex'],
      ['RUN_START', 'codex'],
      ['RUN_STOP', undefined],
    ],
  );
});

test('one that had begun to act goes on in its own session, and is not told to do it all again', async () => {
  const folder = temporary('resume');
  const { end, attempts: count } = await attempts(
    { config: { first: { backend: 'codex' } } },
    inTurn(
      join(folder, 'turn'),
      [{ tool: 'true' }, { result: '503 server error' }, { exit: 1 }],
      [{ say: 'finished' }, { env: join(folder, 'env') }, { result: true }],
    ),
    3,
  );
  assert.equal([end.status, count], ['completed', 2], end.error_summary);
  const { args, prompt } = JSON.parse(readFileSync(join(folder, 'env'), 'utf8')) as { args: string[]; prompt: string };
  assert.match(args[args.indexOf('resume') + 1] ?? '', /^session-\d+$/);
  assert.match(prompt, 'You were interrupted: 503 server error');
});

test('a session that is resumed tells its cost from its beginning on; each run is told its own', async () => {
  const folder = temporary('cost');
  const { end } = await attempts(
    { config: { first: { backend: 'claude' } } },
    inTurn(
      join(folder, 'turn'),
      [{ tool: 'true' }, { cost: 0.25 }, { result: '529 overloaded' }, { exit: 1 }],
      [{ cost: 0.75 }, { say: 'finished' }, { result: true }],
    ),
    2,
  );
  assert.equal([end.status, end.cost_usd], ['completed', 0.5], end.error_summary);
});

test('one that cannot resume is warned that something was done already', async () => {
  const folder = temporary('warned');
  const { end } = await attempts(
    { config: { first: { command: ['plain'], speaks: 'gemini' } } },
    inTurn(
      join(folder, 'turn'),
      [{ half: '{"type":"tool_use","tool_name":"x"}\n' }, { exit: 1 }],
      [{ env: join(folder, 'env') }, { half: '{"type":"result","status":"success"}\n' }],
    ),
    3,
  );
  assert.is(end.status, 'completed', end.error_summary);
  const { prompt } = JSON.parse(readFileSync(join(folder, 'env'), 'utf8')) as { prompt: string };
  assert.match(prompt, 'An earlier attempt at this was interrupted');
  assert.match(prompt, 'Do this.');
});

test('a permanent failure is not tried again', async () => {
  const { end, attempts: count } = await attempts(
    { config: { first: { backend: 'claude', fallback: ['codex'] } } },
    script({ result: '401 Unauthorized' }, { exit: 1 }),
    5,
  );
  assert.equal([end.class, count], ['permanent', 1]);
});

test.run();
