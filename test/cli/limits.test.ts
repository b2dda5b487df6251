import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, tool, until, withinOneDay } from '../support/service.js';

const world = (config: string) => {
  const cwd = temporary('limits');
  const env = cleanEnvironment();
  writeFileSync(join(cwd, 'config.yaml'), config);
  const run = (name: string, ...args: string[]) => tool(name, args, { cwd, env });
  return {
    cwd,
    env,
    run,
    task: (prompt: string) => run('run-agent', 'task', '--agent', 'shell', '--prompt', prompt),
    read: async (type: string) =>
      (await run('messagebus-tool', 'read', '--type', type, '--json')).stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { data: Record<string, unknown>; body: string }),
  };
};

test.before.each(withinOneDay);

test('an agent starts no more often a day than its limit, and the refusal says so', async () => {
  const { task } = world('timers: {}\nrate_limits: { per_agent: { requests_per_day: 2 } }\n');
  assert.equal([(await task('true')).code, (await task('true')).code], [0, 0]);
  const third = await task('touch started');
  assert.is(third.code, 2);
  assert.match(third.stderr, 'shell has used its 2 runs a day');
});

test('a user asks no more often an hour than the limit, whichever command they use; what a run starts is not theirs', async () => {
  const { task, run } = world('timers: {}\nrate_limits: { per_user: { requests_per_hour: 2 } }\n');
  assert.is((await task('run-agent task --agent shell --prompt true')).code, 0);
  assert.is((await run('conductor', 'task', 'create', '--agent', 'shell', '--prompt', 'true')).code, 0);
  for (const refused of [
    await task('true'),
    await run('conductor', 'task', 'create', '--agent', 'shell', '--prompt', 'x'),
  ]) {
    assert.is(refused.code, 1);
    assert.match(refused.stderr, 'asked for 2 runs within an hour; the limit is 2');
  }
});

test('a user has no more runs at work than the limit', async () => {
  const { cwd, task, read } = world('timers: {}\nrate_limits: { per_user: { max_concurrent: 1 } }\n');
  const first = task('while ! test -f go; do sleep 0.1; done');
  await until('it is at work', async () => (await read('RUN_START')).length === 1);
  const second = await task('true');
  assert.is(second.code, 1);
  assert.match(second.stderr, '1 runs of');
  writeFileSync(join(cwd, 'go'), '');
  assert.is((await first).code, 0);
  assert.is((await task('true')).code, 0);
});

test('an alert of the configuration is raised with its action, and a rule answers it', async () => {
  const { cwd, env, task, read } = world(`timers: { health: { every: 1s } }
health: { disk_percent: 100 }
alerts:
  - { name: HighFailureRate, condition: task_failure_rate > 0.1, action: page_oncall }
  - { name: Later, condition: task_failure_rate > 0.1, duration: 1h }
`);
  await task('exit 2');
  const service = await startService([], { cwd, env });
  try {
    const [alert] = await until('the alert is said', async () => {
      const said = await read('HEALTH_ALERT');
      return said.some((one) => (one.data['raised'] as string[]).includes('HighFailureRate')) ? said : undefined;
    });
    assert.equal(alert!.data['actions'], ['page_oncall']);
    assert.not((alert!.data['open'] as string[]).includes('Later'));
  } finally {
    await service.stop();
  }
});

test.run();
