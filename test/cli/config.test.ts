import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, temporary, tool } from '../support/service.js';

const world = (text?: string) => {
  const cwd = temporary('config');
  if (text !== undefined) writeFileSync(join(cwd, 'config.yaml'), text);
  const config = (args: string[], env: Record<string, string> = {}) =>
    tool('conductor', ['config', ...args], { cwd, env: cleanEnvironment(env) });
  const originOf = async (key: string, env: Record<string, string> = {}) => {
    const { values } = JSON.parse((await config(['show', '--origin', '--json'], env)).stdout) as {
      values: { key: string; value: unknown; origin: string }[];
    };
    const found = values.find((one) => one.key === key);
    return found && [found.value, found.origin.replace(/^.*\//, '')];
  };
  return { cwd, config, originOf };
};

test('the keys of the documents are understood', async () => {
  const { cwd, config } = world(`agents: { claude: { token_file: claude.token, timeout: 900 } }
rate_limits: { per_user: { requests_per_hour: 100, max_concurrent: 5 }, per_agent: { requests_per_day: 1000 } }
alerts:
  - { name: HighFailureRate, condition: task_failure_rate > 0.1, duration: 5m, action: page_oncall }
  - { name: AgentTimeout, condition: agent_timeout_count > 10, duration: 10m, action: send_email }
  - { name: DiskSpaceLow, condition: disk_usage_percent > 85, duration: 5m, action: page_oncall }
`);
  writeFileSync(join(cwd, 'claude.token'), 'x', { mode: 0o600 });
  const checked = await config(['check']);
  assert.is(checked.code, 0, checked.stderr);
  const { config: shown } = JSON.parse((await config(['show', '--json'])).stdout);
  assert.is(shown.agents.claude.timeout, '15m');
  assert.is(shown.alerts[1].duration, '10m');
});

test('the environment comes before the file, the file before the default, and each value says so', async () => {
  const { originOf } = world('\ndefaults:\n  timeout: 600\n');
  assert.equal(await originOf('defaults.timeout', { CONDUCTOR_TIMEOUT: '90' }), ['1m30s', 'CONDUCTOR_TIMEOUT']);
  assert.equal(await originOf('defaults.timeout'), ['10m', 'config.yaml:3']);
  assert.equal(await originOf('defaults.max_concurrent'), [16, 'default']);
});

test('what is wrong is said with its place, and a token in the file with the remedy; the exit code is 3', async () => {
  for (const [text, message] of [
    ['agents: { claude: { token: abc } }', 'config.yaml:1:28: agents.claude.token: a token never stands in the file'],
    ['rate_limit: {}', 'config.yaml:1:1: unknown key "rate_limit"; did you mean "rate_limits"?'],
    ['alerts: [{ name: X, condition: "cpu > 3" }]', '"cpu > 3" is no condition'],
    ['timers: { a: { cron: "0 99 * * *" } }', 'timers.a: cron "0 99 * * *"'],
    ['timers: { a: { cron: "0 2 * * *", time_zone: Europe/Berln } }', 'did you mean "Europe/Berlin"?'],
    ['timers: { a: { at: tomorrow } }', 'config.yaml: timers.a: at "tomorrow"'],
    ['timers: { a: { every: 1ms } }', 'config.yaml:1:23: timers.a.every: 1ms is out of bounds; write 1s to 366d'],
    ['timers: { a: { every: 367d } }', 'timers.a.every: 367d is out of bounds'],
    ['agents: { x: { token_file: gone } }', 'agents.x.token_file'],
    ['defaults: { agent: who }', 'there is no agent "who"'],
    ['repositories: { a/b: /nowhere }', 'there is no folder /nowhere'],
    ['defaults: { timeout: soon }', 'is no duration'],
    [
      'watch: [{ paths: [src, "!src/out"] }]',
      'config.yaml:1:24: watch[0].paths[1]: what is left out stands under "ignore"',
    ],
    ['watch: [{ paths: [src], ignore: ["!keep"] }]', 'nothing is taken back of what is ignored'],
  ] as const) {
    const { config } = world(text);
    const done = await config(['check']);
    assert.is(done.code, 3, text);
    assert.match(done.stderr, message);
  }
  const { config } = world('');
  const wrong = await config(['check'], { CONDUCTOR_TIMEOUT: 'soon' });
  assert.is(wrong.code, 3);
  assert.match(wrong.stderr, 'CONDUCTOR_TIMEOUT: "soon" is no duration');
  assert.is((await config(['check', '--config', 'gone.yaml'])).code, 3);
});

test('a file that others may read is no place for a secret', async () => {
  const { cwd, config } = world('agents: { claude: { token_file: claude.token } }');
  writeFileSync(join(cwd, 'claude.token'), 'x', { mode: 0o644 });
  assert.match((await config(['check'])).stderr, 'chmod 600');
});

test('init writes a file that is good, with its schema beside it, and never over another', async () => {
  const { cwd, config } = world();
  assert.is((await config(['init'])).code, 0);
  assert.is((await config(['check'])).code, 0);
  const schema = /\$schema=(\S+)/.exec(readFileSync(join(cwd, 'config.yaml'), 'utf8'))![1]!;
  assert.ok(existsSync(join(cwd, schema)));
  assert.equal(JSON.parse(readFileSync(join(cwd, schema), 'utf8')), JSON.parse((await config(['schema'])).stdout));
  writeFileSync(join(cwd, 'config.yaml'), 'timers: {}\n');
  assert.is((await config(['init'])).code, 2);
  assert.is(readFileSync(join(cwd, 'config.yaml'), 'utf8'), 'timers: {}\n');
  assert.is((await config(['init', '--force'])).code, 0);
});

test('every line that init writes as a comment is good when it is used', async () => {
  const { cwd, config } = world();
  await config(['init']);
  const text = readFileSync(join(cwd, 'config.yaml'), 'utf8');
  const used = text
    .replaceAll(/^( *)# (?=[a-z-]|  )/gm, '$1')
    .replaceAll('~/.secrets/', './')
    .replaceAll('/srv/app', '.');
  mkdirSync(join(cwd, 'handlers', 'prompts'), { recursive: true });
  writeFileSync(join(cwd, 'handlers', 'prompts', 'code-reviewer.md'), 'x');
  for (const name of ['claude.token', 'github.secret']) writeFileSync(join(cwd, name), 'x', { mode: 0o600 });
  writeFileSync(join(cwd, 'config.yaml'), used.replace(/^yaml-language-server.*\n/, ''));
  const checked = await config(['check']);
  assert.is(checked.code, 0, `${checked.stderr}\n${used}`);
  assert.match((await config(['show'])).stdout, 'acme/app');
});

test.run();
