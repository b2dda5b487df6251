import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, until, type Service } from '../support/service.js';

const cwd = temporary('handlers');
const env = cleanEnvironment();
const handler = (steps: string): string => `name: make\nsteps:\n${steps}`;
const FILE = join(cwd, 'handlers', 'make.yaml');
const BROKEN = '  - { id: first, shell: echo once >> log }\n  - { id: second, shell: test -e good }\n';
mkdirSync(join(cwd, 'rules'));
mkdirSync(join(cwd, 'handlers'));
writeFileSync(join(cwd, 'rules', 'none.yaml'), 'rules:\n  - { id: none, on: NEVER_SAID, do: make }\n');
writeFileSync(FILE, handler(BROKEN));
writeFileSync(
  join(cwd, 'handlers', 'long.yaml'),
  'name: long\nsteps:\n  - parallel:\n      steps: [{ id: wait, shell: sleep 300 }, { id: note, shell: echo noted }]\n',
);

let service: Service;
test.before(async () => {
  service = await startService(['--root', 'runs'], { cwd, env });
});
test.after(async () => void (await service.stop()));

interface Task {
  task: { status: string; running: number };
  runs: { status: string; activation: string }[];
}
interface Row {
  activation: string;
  handler: string;
  status: string;
  task_id: string;
  steps: { step: string; status: string; run_id?: string }[];
}
const call = async (method: string, path: string, body?: unknown) => {
  const answer = await fetch(`${service.url}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
};
const json = async (method: string, path: string, body?: unknown) => {
  const { status, text } = await call(method, path, body);
  return { status, body: JSON.parse(text) as Row & { error: { code: string } } };
};
const ended = (activation: string, status: string) =>
  until(`${activation} is ${status}`, async () => {
    const { body } = await json('GET', `activations/${activation}`);
    return body.status === status ? body : undefined;
  });

test('a handler is run for an event of the caller, fails, and goes on after its last finished step', async () => {
  const asked = await json('POST', 'handlers/make/run', { event: { type: 'TRIED', data: { n: 1 } }, cwd });
  assert.is(asked.status, 202);
  const { activation } = asked.body;
  const failed = await ended(activation, 'failed');
  assert.is(failed.handler, 'make');
  assert.equal(
    failed.steps.map(({ step, status }) => [step, status]),
    [
      ['first', 'completed'],
      ['second', 'failed'],
    ],
  );
  const task = JSON.parse((await call('GET', `tasks/default/${asked.body.task_id}`)).text) as {
    task: { status: string };
  };
  assert.is(task.task.status, 'failed');

  writeFileSync(join(cwd, 'good'), '');
  assert.is((await json('POST', `activations/${activation}/resume`)).status, 202);
  await ended(activation, 'completed');
  assert.is(readFileSync(join(cwd, 'log'), 'utf8'), 'once\n', 'the finished step was not run again');
  assert.is((await json('POST', `activations/${activation}/resume`)).body.error.code, 'conflict');
});

test('what failed goes on with the handler as it is now where that is asked for', async () => {
  const { body } = await json('POST', 'handlers/make/run', { cwd: temporary('elsewhere') });
  await ended(body.activation, 'failed');
  writeFileSync(FILE, handler(BROKEN.replace('test -e good', 'echo better > better')));
  await until('the handler was read again', async () => (await call('GET', 'handlers/make')).text.includes('better'));
  await json('POST', `activations/${body.activation}/resume?latest=true`);
  await ended(body.activation, 'completed');
});

test('a cancel ends what is below it', async () => {
  const { body } = await json('POST', 'handlers/long/run', {});
  await until('it is at work', async () => (await call('GET', 'runs?status=running')).text.includes(body.activation));
  assert.is((await json('POST', `activations/${body.activation}/cancel`)).status, 202);
  await ended(body.activation, 'cancelled');
  assert.not.match((await call('GET', 'runs?status=running')).text, body.activation);
  assert.is((await json('POST', `activations/${body.activation}/cancel`)).body.error.code, 'conflict');
});

test('the graph of a handler is text for people and for Mermaid', async () => {
  const plain = await call('GET', 'handlers/long/graph');
  assert.match(plain.text, /^long\n {2}parallel/);
  assert.match((await call('GET', 'handlers/long/graph?as=mermaid')).text, /^flowchart TD\n/);
  assert.is((await call('GET', 'handlers/nobody/graph')).status, 404);
  assert.is((await call('POST', 'handlers/nobody/run', {})).status, 404);
  for (const wrong of [{ cwd: '../x' }, { event: { type: '!' } }, { with: [] }, { task_id: '../x' }])
    assert.is((await call('POST', 'handlers/long/run', wrong)).status, 400, JSON.stringify(wrong));
});

test('a run that has ended goes on in its task, with the same words or with others', async () => {
  const work = temporary('again');
  const { body } = await json('POST', 'tasks', { prompt: 'echo one >> said', agent: 'shell', cwd: work });
  const runs = async () =>
    (
      JSON.parse((await call('GET', `tasks/default/${body.task_id}`)).text) as {
        runs: { run_id: string; status: string }[];
      }
    ).runs;
  const count = (n: number) =>
    until(`${n} runs have ended`, async () => {
      const list = await runs();
      return list.length === n && list.every(({ status }) => status === 'completed') ? list[0] : undefined;
    });
  const first = await count(1);
  assert.is((await json('POST', `runs/${first.run_id}/resume`, { agent: 'nobody' })).status, 400);
  assert.is((await json('POST', `runs/${first.run_id}/resume`, { prompt: 'echo two >> said' })).status, 202);
  await count(2);
  assert.is((await json('POST', `runs/${first.run_id}/retry`)).status, 202);
  await count(3);
  assert.is(readFileSync(join(work, 'said'), 'utf8'), 'one\ntwo\none\n');
});

test('a task that was stopped is stopped for good, and can be deleted', async () => {
  const { body } = await json('POST', 'tasks', { prompt: 'sleep 300', agent: 'shell', cwd });
  const task = async () => JSON.parse((await call('GET', `tasks/default/${body.task_id}`)).text) as Task;
  await until('it runs', async () => ((await task()).runs.length > 0 ? true : undefined));
  assert.is((await call('DELETE', `tasks/default/${body.task_id}`)).status, 409);
  assert.is((await json('POST', `tasks/default/${body.task_id}/stop`)).status, 202);
  const stopped = await until('its run has ended', async () => {
    const now = await task();
    return now.task.running === 0 && now.runs[0]?.status === 'failed' ? now : undefined;
  });
  assert.is(stopped.task.status, 'stopped');
  const { activation } = stopped.runs[0]!;
  assert.is((await json('GET', `activations/${activation}`)).body.status, 'cancelled');
  assert.is((await call('DELETE', `tasks/default/${body.task_id}`)).status, 200);
  assert.is((await call('GET', `tasks/default/${body.task_id}`)).status, 404);
});

test.run();
