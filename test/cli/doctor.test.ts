import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, tool } from '../support/service.js';

interface Finding {
  check: string;
  verdict: string;
  message: string;
  fix?: string;
}

const world = (config = '') => {
  const cwd = temporary('doctor');
  const bin = temporary('bin');
  writeFileSync(join(cwd, 'config.yaml'), `timers: {}\n${config}`);
  const env = cleanEnvironment();
  env['PATH'] = `${bin}:${env['PATH']}`;
  return {
    cwd,
    env,
    program: (name: string, text: string): void => {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    },
    async doctor(...args: string[]) {
      const { code, stdout, stderr } = await tool('conductor', ['doctor', '--json', ...args], { cwd, env });
      const { findings } = JSON.parse(stdout || '{"findings":[]}') as { findings: Finding[] };
      return { code, stderr, findings, of: (check: string) => findings.find((one) => one.check === check) };
    },
  };
};

test('agents are found with their versions and credentials, and none is asked to work', async () => {
  const { cwd, env, program, doctor } = world('agents: { gemini: { token_file: gone } }\n');
  program('claude', `#!/bin/sh\necho "$@" >> '${cwd}/asked'\necho 2.1.0\n`);
  program('gemini', '#!/bin/sh\necho 1.0\n');
  env['ANTHROPIC_API_KEY'] = 'sk-not-shown';
  const { code, findings, of } = await doctor();
  assert.match(of('agent claude')!.message, '2.1.0');
  assert.equal(of('credential of claude'), {
    check: 'credential of claude',
    verdict: 'ok',
    message: 'in ANTHROPIC_API_KEY',
  });
  assert.is(of('agent codex')!.verdict, 'warn');
  assert.is(of('credential of gemini')!.verdict, 'fail');
  assert.is(code, 3);
  assert.not.match(JSON.stringify(findings), 'sk-not-shown');
  assert.ok(
    findings.every((one) => one.verdict === 'ok' || one.fix),
    'each has something to do',
  );
});

test('machine and root are looked at: kill level, sandboxes, disk, durability, clock, permissions, service', async () => {
  const { cwd, env, doctor } = world();
  const first = await doctor();
  assert.is(first.code, 0, first.stderr);
  for (const check of ['stopping runs', 'sandboxes', 'watch limit', 'disk', 'durability', 'clock', 'permissions'])
    assert.ok(first.of(check), check);
  assert.match(first.of('durability')!.message, 'ms a durable write');
  assert.is(first.of('service')!.verdict, 'warn');
  const service = await startService([], { cwd, env });
  try {
    assert.is((await doctor()).of('service')!.verdict, 'ok');
  } finally {
    await service.stop();
  }
  chmodSync(join(cwd, 'runs', '.conductor', 'key'), 0o644);
  const open = await doctor();
  assert.is(open.code, 3);
  assert.match(open.of('permissions')!.message, 'key');
});

test('the checklist for production looks at what a program can see and asks the rest', async () => {
  const bare = await world().doctor('--production');
  assert.is(bare.of('alerts')!.verdict, 'warn');
  assert.is(bare.of('limits')!.verdict, 'warn');
  assert.is(bare.of('runbook')!.verdict, 'ask');
  const asked = bare.findings.length - (await world().doctor()).findings.length;
  assert.is(asked, 21);
  const ready = await world(
    `rate_limits: { per_agent: { requests_per_day: 10 } }
alerts: [{ name: Disk, condition: disk_usage_percent > 85 }]
`,
  ).doctor('--production');
  assert.is(ready.of('limits')!.verdict, 'ok');
  assert.is(ready.of('disk alerts')!.verdict, 'ok');
});

test.run();
