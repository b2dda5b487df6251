import { appendFileSync, chmodSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, stringify } from 'yaml';
import {
  cleanEnvironment,
  project,
  run,
  startService,
  temporary,
  tool,
  until,
  type Service,
} from '../support/service.js';
import { namedBlocks } from './documents.js';

const blocks = namedBlocks(readFileSync(join(project, 'handlers', 'recipes.md'), 'utf8'));
const cwd = realpathSync(temporary('recipes'));
const app = join(cwd, 'app');
const bin = temporary('bin');
const env = cleanEnvironment();
env['PATH'] = `${bin}:${env['PATH']}`;
let service: Service;

const put = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};

/** Does what the prompt of a recipe asks for, as far as a shell can. */
const AGENT = `#!/bin/sh
prompt=$(cat)
case "$prompt" in
  *'do not touch the tests'*) echo good > state; answer='the state was bad' ;;
  *'Review this change'*) answer="approve says NAME" ;;
  *'at least two of them agree'*) answer='two approve' ;;
  *'Update the dependencies'*) answer='left-pad is new' ;;
  *'Sort this issue'*) answer='{\\"label\\":\\"bug\\",\\"priority\\":1}' ;;
  *'lines of a log'*) answer='the disk is full' ;;
  *'Write release notes'*) answer='notes of the release' ;;
  *'Bring docs/ up to date'*) mkdir -p docs; echo new > docs/index.md; answer='docs are new' ;;
  *'Move the module'*) answer='moved' ;;
  *'Is this alert real'*) answer='{\\"real\\":true,\\"severity\\":\\"critical\\",\\"first\\":\\"rotate the key\\"}' ;;
  *'does not come up'*) answer='its port is taken' ;;
  *) answer='I was asked something else' ;;
esac
`;
const SAYS: Record<string, string> = {
  claude: '{"type":"result","subtype":"success","is_error":false,"result":"%s","session_id":"s"}\\n',
  codex:
    '{"type":"thread.started","thread_id":"t"}\\n{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"%s"}}\\n{"type":"turn.completed","usage":{}}\\n',
  gemini:
    '{"type":"init","session_id":"s"}\\n{"type":"message","role":"assistant","content":"%s"}\\n{"type":"result","status":"success","stats":{}}\\n',
};

const git = (...args: string[]) =>
  run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], { cwd: app, env });

test.before(async () => {
  for (const [name, says] of Object.entries(SAYS))
    put(join(bin, name), `${AGENT.replace('NAME', name)}printf '${says}' "$answer"\n`, 0o755);
  for (const name of ['GIT_AUTHOR', 'GIT_COMMITTER'])
    Object.assign(env, { [`${name}_NAME`]: 'Ada', [`${name}_EMAIL`]: 'a@b' });
  put(join(app, 'package.json'), '{"name":"app","version":"1.0.0","scripts":{"test":"grep -q good state"}}\n');
  put(join(app, 'state'), 'good\n');
  put(join(app, 'src', 'a.js'), '1\n');
  put(join(cwd, 'logs', 'app.log'), 'INFO begun\n');
  put(join(cwd, 'restart.sh'), '#!/bin/sh\ntouch restarted\n', 0o755);
  put(join(cwd, 'healthy.sh'), '#!/bin/sh\ntest -f restarted && ! test -f broken\n', 0o755);
  await git('init', '-q', '-b', 'main');
  await git('config', 'user.name', 'Ada');
  await git('config', 'user.email', 'a@b');
  await git('add', '.');
  await git('commit', '-qm', 'begin');
  let config: Record<string, unknown[]> = {};
  for (const { file, text } of blocks) {
    if (file === undefined) continue;
    if (file !== 'config.yaml') {
      put(join(cwd, file), text);
      continue;
    }
    for (const [key, value] of Object.entries(parse(text) as Record<string, never>))
      config = { ...config, [key]: Array.isArray(value) ? [...(config[key] ?? []), ...(value as never[])] : value };
  }
  // The night comes at once.
  put(join(cwd, 'config.yaml'), stringify({ ...config, timers: { dependencies: { every: '1s' } } }));
  service = await startService([], { cwd, env });
});
test.after(async () => {
  assert.is(await service.stop(), 0);
});

const say = (type: string, data: Record<string, unknown>, body = '') =>
  tool('messagebus-tool', ['write', '--type', type, '--data', JSON.stringify({ path: app, ...data }), body], {
    cwd,
    env,
  });

const heard = (type: string) =>
  until(`${type} is said`, async () => {
    const { stdout } = await tool('messagebus-tool', ['read', '--type', type, '--tail', '1', '--json'], { cwd, env });
    return stdout === '' ? undefined : (JSON.parse(stdout) as { body: string; data: Record<string, unknown> });
  });

test('there are ten, each with a rule and a handler', () => {
  const sections = [...new Set(blocks.map(({ section }) => section))];
  assert.is(sections.length, 10);
  for (const section of sections) {
    const files = blocks.filter((block) => block.section === section).map(({ file }) => dirname(file ?? ''));
    assert.ok(files.includes('rules') && files.includes('handlers'), section);
  }
});

test('Fix red CI', async () => {
  put(join(app, 'state'), 'bad\n');
  await say('TEST_FAILED', { branch: 'feature', output: 'not for this rule' });
  await say('TEST_FAILED', { branch: 'main', output: 'state is bad' });
  const { body, data } = await heard('FIX_PROPOSED');
  assert.is(body, 'the state was bad');
  assert.is(readFileSync(join(app, 'state'), 'utf8'), 'good\n');
  assert.is(typeof data['diff'], 'string');
});

test('Review each pull request with three agents', async () => {
  await say('PR_OPENED', { number: 7 });
  const { body, data } = await heard('PR_REVIEWED');
  assert.is(body, 'two approve');
  for (const name of Object.keys(SAYS)) assert.match(String(data['reviews']), `approve says ${name}`);
});

test('Update dependencies every night', async () => {
  // Nothing is out of date in a package without any: the step is skipped, and nothing is said.
  const ran = await until('the night came', async () => {
    const { stdout } = await tool('conductor', ['task', 'list', '--status', 'completed', '--json'], { cwd, env });
    return (JSON.parse(stdout) as { tasks: { rule?: string }[] }).tasks.find((task) => task.rule === 'dependencies');
  });
  assert.ok(ran);
  put(
    join(bin, 'npm'),
    '#!/bin/sh\n[ "$1" = outdated ] && { echo \'{"left-pad":{}}\'; exit 1; }\ngrep -q good state\n',
    0o755,
  );
  assert.is((await heard('DEPENDENCIES_UPDATED')).body, 'left-pad is new');
});

test('Triage issues', async () => {
  await say('ISSUE_OPENED', { number: 3, title: 'It crashes' }, 'Always.');
  const { data } = await heard('ISSUE_TRIAGED');
  assert.equal([data['label'], data['priority'], data['issue']], ['bug', 1, '3']);
});

test('Watch a log', async () => {
  appendFileSync(join(cwd, 'logs', 'app.log'), 'ERROR no space left on device\n');
  assert.is((await heard('LOG_EXPLAINED')).body, 'the disk is full');
});

test('Release train', async () => {
  await say('RELEASE_REQUESTED', { version: 'v1.0.0' });
  const name = await until('it asks', async () => {
    const { stdout } = await tool('conductor', ['approve'], { cwd, env });
    return stdout
      .split('\n')
      .find((line) => line.includes('v1.0.0'))
      ?.split(/\s+/)[0];
  });
  assert.is((await git('tag')).stdout, '');
  const answered = await tool('conductor', ['approve', name], { cwd, env });
  assert.is(answered.code, 0, answered.stderr);
  assert.is((await heard('RELEASED')).data['version'], 'v1.0.0');
  assert.is((await git('tag')).stdout, 'v1.0.0\n');
});

test('Documentation from code', async () => {
  put(join(app, 'src', 'a.js'), '2\n');
  const { body, data } = await heard('DOCS_WRITTEN');
  assert.is(body, 'docs are new');
  assert.match(String(data['files']), 'docs/');
});

test('Migration in phases', async () => {
  await say('MIGRATION_REQUESTED', {});
  assert.is((await heard('MIGRATED')).body, 'users and billing');
});

test('Security alert', async () => {
  await say('SECURITY_ALERT', { advisory: 'CVE-2026-1' });
  const { body, data } = await heard('INCIDENT_OPENED');
  assert.is(body, 'ERROR: rotate the key');
  assert.is(data['severity'], 'critical');
});

test('On-call remediation', async () => {
  await say('HEALTH_ALERT', { path: cwd }, 'the api is down');
  assert.is((await heard('REMEDIATED')).body, 'healthy again after a restart');
  put(join(cwd, 'broken'), '');
  await say('HEALTH_ALERT', { path: cwd }, 'the api is down again');
  assert.is((await heard('PERSON_CALLED')).body, 'ERROR: its port is taken');
});

test.run();
