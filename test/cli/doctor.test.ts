import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fakeService } from '../support/fake-service.js';
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
  const { code, findings, of } = await doctor('--offline');
  assert.match(of('agent claude')!.message, '2.1.0');
  assert.equal(of('credential of claude'), {
    check: 'credential of claude',
    verdict: 'ok',
    message: 'in ANTHROPIC_API_KEY; nobody was asked',
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

test('a service says whether it takes a key, by the list of its models, which is free; a login is told by its program', async () => {
  const service = await fakeService(({ headers }, response) => {
    const key = headers['x-api-key'] ?? headers['x-goog-api-key'] ?? headers.authorization;
    response.writeHead(key === 'good' || key === 'Bearer good' ? 200 : key === 'slow' ? 529 : 401).end('{}');
  });
  try {
    const { cwd, env, program, doctor } = world(
      `agents: { codex: { token_file: key, base_url: '${service.url}/v1' }, xai: { base_url: '${service.url}/v1' } }\n`,
    );
    for (const name of ['claude', 'codex', 'gemini']) program(name, '#!/bin/sh\necho 1.0\n');
    writeFileSync(join(cwd, 'key'), 'good\n', { mode: 0o600 });
    Object.assign(env, {
      ANTHROPIC_BASE_URL: service.url,
      ANTHROPIC_API_KEY: 'bad-not-shown',
      GOOGLE_GEMINI_BASE_URL: service.url,
      GEMINI_API_KEY: 'slow',
      XAI_API_KEY: 'good',
    });
    const { host } = new URL(service.url);
    const { code, findings, of } = await doctor();
    assert.is(code, 3);
    assert.is(of('credential of claude')!.verdict, 'fail');
    assert.match(of('credential of claude')!.message, `refused by ${host}`);
    assert.is(of('credential of codex')!.message, `in key, accepted by ${host}`);
    assert.is(of('credential of xai')!.message, `in XAI_API_KEY, accepted by ${host}`);
    assert.is(of('credential of gemini')!.message, `in GEMINI_API_KEY; ${host} answered 529`);
    assert.not.match(JSON.stringify(findings), 'not-shown');
    assert.equal(service.asked.map(({ path }) => path.split('?')[0]).sort(), [
      '/v1/models',
      '/v1/models',
      '/v1/models',
      '/v1beta/models',
    ]);
    delete env['ANTHROPIC_API_KEY'];
    program('claude', '#!/bin/sh\n[ "$1 $2" = "auth status" ] && echo \'{"loggedIn": true}\' || echo 2.1\n');
    assert.is((await doctor()).of('credential of claude')!.message, 'its own login');
    program('claude', '#!/bin/sh\n[ "$1 $2" = "auth status" ] && exit 1\necho 2.1\n');
    assert.match((await doctor()).of('credential of claude')!.message, 'not logged in');
  } finally {
    await service.close();
  }
});

test('each program is asked once; shipped roles are one line; who is several is told so', async () => {
  const { cwd, program, doctor } = world(
    'agents: { reviewer: { backend: claude, model: x }, any: { one_of: [claude, reviewer] } }\n',
  );
  program('claude', `#!/bin/sh\necho "$@" >> '${cwd}/asked'\necho 2.1.0\n`);
  const { findings, of } = await doctor();
  const asked = readFileSync(join(cwd, 'asked'), 'utf8').split('\n');
  assert.is(asked.filter((words) => words === '--version').length, 1);
  assert.match(of('roles')!.message, /^played by \S+claude: .*code-reviewer/);
  assert.not.ok(findings.some((one) => one.check === 'agent code-reviewer'));
  assert.match(of('agent reviewer')!.message, '2.1.0');
  assert.is(of('agent any')!.message, 'one of claude, reviewer');
});

test('machine and root are looked at: kill level, sandboxes, disk, durability, clock, permissions, service', async () => {
  const { cwd, env, doctor } = world();
  const first = await doctor();
  // How full the disk is, is not ours.
  const failed = first.findings.filter(({ verdict }) => verdict === 'fail').map(({ check }) => check);
  assert.equal(
    failed.filter((check) => check !== 'disk'),
    [],
  );
  assert.is(first.code, failed.length > 0 ? 3 : 0, first.stderr);
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
