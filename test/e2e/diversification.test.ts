import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, project, temporary, tool } from '../support/service.js';

const openWorld = (agents: unknown) => {
  const folder = temporary('diverse');
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const agent = join(project, 'test', 'support', 'fake-agent.mjs');
  for (const name of ['claude', 'codex']) {
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${agent}' ${name} "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ agents }));
  const env = cleanEnvironment();
  env['PATH'] = `${bin}:${env['PATH']}`;
  const run = (agent: string, ...acts: unknown[]) =>
    tool('run-agent', ['task', '--agent', agent, '--prompt', `SCRIPT ${JSON.stringify(acts)}`], { cwd: folder, env });
  const said = async (type: string): Promise<Record<string, unknown>[]> =>
    (await tool('messagebus-tool', ['read', '--type', type, '--json'], { cwd: folder, env })).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { data: Record<string, unknown> }).data);
  return { run, said, folder, env };
};

test('run after run of a pool is done by another agent', async () => {
  const { run, said } = openWorld({ any: { one_of: ['claude', 'codex'] } });
  for (let times = 0; times < 3; times++) {
    const done = await run('any', { say: 'x' }, { result: true });
    assert.is(done.code, 0, done.stderr);
  }
  assert.equal(
    (await said('RUN_START')).map(({ agent, pool }) => [agent, pool]),
    [
      ['claude', 'any'],
      ['codex', 'any'],
      ['claude', 'any'],
    ],
  );
});

test('of a pool another goes on when a quota is used up', async () => {
  const { run, said } = openWorld({ any: { one_of: ['claude', 'codex'] } });
  const limit = { result: '429 usage limit reached' };
  await run('any', limit, { exit: 1 });
  assert.equal(
    (await said('RUN_START')).map(({ agent }) => agent),
    ['claude', 'codex'],
  );
  assert.equal(
    (await said('RUN_FALLBACK')).map(({ from, to }) => [from, to]),
    [['claude', 'codex']],
  );
});

test('an agent that keeps failing is left alone, its fallback begins, and that is said', async () => {
  const { run, said } = openWorld({ claude: { fallback: ['codex'] } });
  for (let times = 0; times < 3; times++) await run('claude', { result: '503 server error' }, { exit: 1 });
  const done = await run('claude', { say: 'x' }, { result: true });
  assert.is(done.code, 0, done.stderr);
  assert.equal(
    (await said('RUN_START')).map(({ agent }) => agent),
    ['claude', 'claude', 'claude', 'codex'],
  );
  const [fallback] = await said('RUN_FALLBACK');
  assert.equal([fallback?.['from'], fallback?.['to']], ['claude', 'codex']);
});

test('names that nobody knows are told by validate', async () => {
  const { folder, env } = openWorld({ any: { one_of: ['claude', 'nobody'] } });
  const done = await tool('conductor', ['config', 'check'], { cwd: folder, env });
  assert.is(done.code, 3, done.stdout + done.stderr);
  assert.match(done.stdout + done.stderr, 'agents.any.one_of: there is no agent "nobody"');
});

test.run();
