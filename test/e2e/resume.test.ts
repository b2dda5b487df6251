import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, project, startService, temporary, tool, until, type Service } from '../support/service.js';

const folder = temporary('resume');
const bin = join(folder, 'bin');
const env = cleanEnvironment();
const ROOT = ['--root', join(folder, 'runs')];
const SEEN = join(folder, 'seen');
/** Notes how it was started, has a session, acts, and fails. */
const PROMPT = `SCRIPT ${JSON.stringify([{ env: SEEN }, { tool: 'true' }, { result: '503 server error' }, { exit: 2 }])}`;

interface Run {
  run_id: string;
  status: string;
  session_id?: string;
  previous_run_id?: string;
}

let service: Service;
test.before(async () => {
  mkdirSync(bin);
  for (const name of ['claude', 'codex']) {
    const agent = join(project, 'test', 'support', 'fake-agent.mjs');
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${agent}' ${name} "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  env['PATH'] = `${bin}:${env['PATH']}`;
  service = await startService(ROOT, { cwd: folder, env });
});
test.after(async () => void (await service.stop()));

const call = async (method: string, path: string, body?: unknown) => {
  const answer = await fetch(`${service.url}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
/** The newest run of the task, as soon as there are so many and all have ended. */
const ended = (task: string, count: number): Promise<Run> =>
  until(`${count} runs of ${task} have ended`, async () => {
    const { body } = await call('GET', `runs?project_id=default&task_id=${task}`);
    const runs = body['runs'] as Run[];
    if (runs.length !== count || runs.some(({ status }) => status === 'running')) return undefined;
    return (await call('GET', `runs/${runs[0]!.run_id}`)).body['info'] as Run;
  });
const seen = () => JSON.parse(readFileSync(SEEN, 'utf8')) as { args: string[]; prompt: string };

for (const [agent, word] of [
  ['claude', '--resume'],
  ['codex', 'resume'],
] as const)
  test(`${agent}: over HTTP, by task resume and by run-agent resume it goes on in its own session`, async () => {
    const task = `by-${agent}`;
    const asked = await call('POST', 'tasks', { prompt: PROMPT, agent, task_id: task, cwd: folder });
    assert.is(asked.status, 202);
    const first = await ended(task, 1);
    assert.match(first.session_id ?? '', /^session-/);
    assert.not(seen().args.includes(word));

    let last = first;
    const goesOn = async (count: number): Promise<void> => {
      const next = await ended(task, count);
      assert.equal([next.session_id, next.previous_run_id], [first.session_id, last.run_id]);
      const { args, prompt } = seen();
      assert.is(args[args.indexOf(word) + 1], first.session_id);
      assert.is(prompt.split('An earlier attempt at this was interrupted (503 server error').length, 2, prompt);
      last = next;
    };
    assert.is((await call('POST', `runs/${first.run_id}/resume`, {})).status, 202);
    await goesOn(2);
    const options = { cwd: folder, env };
    const again = await tool('conductor', ['task', 'resume', task, ...ROOT], options);
    assert.is(again.code, 0, again.stderr);
    await goesOn(3);
    assert.is((await tool('run-agent', ['resume', task, ...ROOT], options)).code, 1);
    await goesOn(4);
  });

test('with other words it is told these in its session; with another agent, or retried, it begins anew', async () => {
  const first = await ended('by-claude', 4);
  const resume = (body: object) => call('POST', `runs/${first.run_id}/resume`, body);
  const words = `now the tests\n${PROMPT}`;
  await resume({ prompt: words });
  const told = await ended('by-claude', 5);
  assert.is(told.session_id, first.session_id);
  assert.ok(seen().prompt.endsWith(words));
  await resume({ agent: 'codex' });
  assert.is.not((await ended('by-claude', 6)).session_id, first.session_id);
  assert.not(seen().args.includes('resume'));
  await call('POST', `runs/${first.run_id}/retry`);
  assert.is.not((await ended('by-claude', 7)).session_id, first.session_id);
  assert.not(seen().args.includes('--resume'));
});

test.run();
