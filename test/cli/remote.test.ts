import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  cleanEnvironment,
  startService,
  steadyPort,
  temporary,
  tool,
  until,
  type Service,
} from '../support/service.js';

const env = cleanEnvironment();
const cwd = temporary('elsewhere');
const away = temporary('away');
let service: Service;
let told: Record<string, string>;
test.before(async () => {
  service = await startService(['--port', await steadyPort()], { cwd, env });
  told = { ...env, CONDUCTOR_TOKEN: service.token };
});
test.after(async () => {
  await service.stop();
  // Whoever asks elsewhere makes no root here.
  assert.not(existsSync(join(away, 'runs')));
});

const conductor = (words: readonly string[], given = told) =>
  tool('conductor', [...words, '--server', service.url], { cwd: away, env: given });
const ask = (words: string, given = told) => conductor(words.split(' '), given);
const create = (task: string, prompt: string, ...more: string[]) =>
  conductor(['task', 'create', '--task', task, '--agent', 'shell', '--prompt', prompt, ...more]);
/** As the service tells it, without the start of a command. */
const asked = (path: string) =>
  fetch(`${service.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${service.token}` } });
const statusOf = async (task: string) => {
  const { task: row } = (await (await asked(`tasks/default/${task}`)).json()) as {
    task?: { status: string; runs: number };
  };
  return row ?? { status: 'unknown', runs: 0 };
};

test('a task is asked for, looked at and listed with --server and its token', async () => {
  const created = await create('far', 'pwd');
  assert.is(created.stdout, 'far\n', created.stderr);
  await until('it is done', async () => (await statusOf('far')).status === 'completed');
  assert.match((await ask('task list --status completed')).stdout, /^default\tfar\tcompleted\t/);
  assert.match((await ask('runs --limit 1')).stdout, /^\S+\tdefault\tfar\tcompleted\t0\tshell\t/);
  assert.match((await ask('task show far')).stdout, '"status": "completed"');
  assert.is((JSON.parse((await ask('status')).stdout) as { status: string }).status, 'running');
  assert.match((await ask('ui')).stdout, new RegExp(`^${service.url}/#code=`));
});

test('--wait shows the runs there and ends with their meaning, also when the service is restarted meanwhile', async () => {
  const done = await create('waited', 'echo done', '--wait');
  assert.equal([done.code, done.stdout], [0, 'waited\n']);
  assert.match(done.stderr, /^· shell starts {2}run\n✓ shell {2}\S+ {2}run\n$/);
  assert.is((await create('refused', 'exit 2', '--wait')).code, 2);
  const waiting = create('restarted', 'until [ -e go ]; do sleep 0.1; done', '--wait');
  await until('it runs', async () => (await statusOf('restarted')).status === 'running');
  const port = new URL(service.url).port;
  const left = service.stop();
  writeFileSync(join(cwd, 'go'), '');
  assert.is(await left, 0);
  service = await startService(['--port', port], { cwd, env });
  assert.is((await waiting).code, 0);
});

test('what a run writes is read there, to its end where it is followed', async () => {
  const words = 'echo first; until [ -e more ]; do sleep 0.1; done; echo zwölf; echo no >&2';
  await create('writes', words);
  const followed = ask('task logs writes --follow');
  await until('the first half is there', async () => (await ask('task logs writes')).stdout === 'first\n');
  writeFileSync(join(cwd, 'more'), '');
  const { stdout, code } = await followed;
  assert.equal([code, stdout], [0, 'first\nzwölf\n']);
  const [run] = (await ask('runs --task writes --project default --limit 1')).stdout.split('\t');
  const cut = await asked(`runs/${run}/files/agent-stdout.txt?offset=0&limit=9`);
  // Nobody is told the half of a character.
  assert.equal([await cut.text(), cut.headers.get('x-next-offset')], ['first\nzw', '8']);
  assert.is((await ask('task logs writes --tail 1')).stdout, 'zwölf\n');
  assert.is((await ask('task logs writes --file stderr')).stdout, 'no\n');
  assert.match((await ask('task logs writes --file prompt')).stdout, 'until [ -e more ]');
});

test('it is resumed, stopped and deleted there', async () => {
  assert.is((await create('again', 'echo "$RUN_ID"', '--wait')).code, 0);
  const first = (await ask('task logs again')).stdout;
  assert.is((await ask('task resume again')).stdout, 'again\n');
  await until('it ran twice', async () => {
    const { status, runs } = await statusOf('again');
    return runs === 2 && status === 'completed';
  });
  assert.is.not((await ask('task logs again')).stdout, first);

  await create('long', 'sleep 300');
  await until('it runs', async () => (await statusOf('long')).status === 'running');
  assert.is((await ask('task resume long')).code, 2);
  assert.is((await ask('task delete long')).code, 2);
  assert.is((await conductor(['task', 'stop', 'long', '--reason', 'not needed'])).code, 0);
  await until('it is stopped', async () => (await statusOf('long')).status === 'stopped');
  const said = await tool('messagebus-tool', ['read', '--type', 'TASK_STOPPED', '--tail', '1'], { cwd, env });
  assert.match(said.stdout, 'stopped: not needed');
  await ask('task resume long');
  await until('it runs again', async () => (await statusOf('long')).status === 'running');
  assert.is((await ask('task delete long --force')).code, 0);
  assert.is((await ask('task show long')).code, 2);
  assert.not(existsSync(join(cwd, 'runs', 'default', 'long')));
});

test('what cannot be done there is refused with the reason, and so is who has no token', async () => {
  const refused = async ([words, reason]: readonly [string, string]) => {
    const { code, stderr } = await ask(words);
    assert.is(code, 2, words);
    assert.match(stderr, reason);
  };
  const [without, wrong] = await Promise.all([
    ask('status', env),
    ask('status', { ...env, CONDUCTOR_TOKEN: 'ct_wrong' }),
    refused(['task create --prompt x --timeout soon', 'soon']),
    refused(['task create --prompt x --until done', '--until done is for a root on this machine']),
    refused(['task create', 'what is it to do']),
    refused(['task create --prompt x --depends-on a/b/c', 'say TASK or PROJECT/TASK']),
    refused(['task show ../x', 'an id begins with a letter or digit']),
    refused(['task logs nobody', 'there is no task nobody']),
    refused(['task logs far --run 20260101-0000000000-1-1', 'there is no run']),
  ]);
  assert.is(without.code, 3);
  assert.match(without.stderr, 'CONDUCTOR_TOKEN');
  assert.is(wrong.code, 2);
});

test.run();
