import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { all, open, post, signedIn, startRun, type World } from './world.js';

let world: World;
test.before.each(async () => {
  world = await open();
});
test.after.each(() => world.close());

const connect = async (token: string, path = '/mcp') => {
  const client = new Client({ name: 'a test', version: '1' });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${world.url}${path}`), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  );
  const call = async (name: string, input: Record<string, unknown> = {}) => {
    const { content, isError } = await client.callTool({ name, arguments: input });
    const [{ text } = { text: '' }] = content as { text: string }[];
    return { text, isError: isError === true, json: <T = Record<string, unknown>>() => JSON.parse(text) as T };
  };
  return { client, call, close: () => client.close() };
};

test('the tools are told, on both paths, to a run and to a person', async () => {
  const run = await startRun(world);
  for (const token of [world.token, world.tickets.issue(run)]) {
    for (const path of ['/mcp', '/api/v1/mcp']) {
      const { client, close } = await connect(token, path);
      const { tools } = await client.listTools();
      assert.equal(tools.map(({ name }) => name).sort(), [
        'approve',
        'ask_human',
        'post_message',
        'read_messages',
        'report_done',
        'spawn_run',
        'wait_runs',
      ]);
      await close();
    }
  }
});

test('without a ticket nothing is told', async () => {
  assert.is((await post(`${world.url}/mcp`, {}, { authorization: undefined })).status, 401);
  assert.is((await post(`${world.url}/mcp`, {}, signedIn('default/task/run/xxx'))).status, 401);
});

test('a message says who it is from, and is read back', async () => {
  const run = await startRun(world, { project_id: 'acme', task_id: 'mine' });
  const { call, close } = await connect(world.tickets.issue(run));
  const posted = await call('post_message', { type: 'found it', body: 'there', data: { line: 3 } });
  const event = (await all(world.bus)).at(-1);
  assert.is(posted.json()['msg_id'], event?.msg_id);
  assert.equal(
    [event?.type, event?.run_id, event?.project_id, event?.data],
    ['FOUND_IT', run.run_id, 'acme', { line: 3 }],
  );
  const read = (await call('read_messages', { type: ['FOUND_IT'] })).json<{ messages: { body: string }[] }>();
  assert.equal(
    read.messages.map(({ body }) => body),
    ['there'],
  );
  const forged = await call('post_message', { type: 'RUN_STOP' });
  assert.ok(forged.isError);
  assert.match(forged.text, 'reserved_type');
  await close();
});

test('a wrong input is told to the model, field by field', async () => {
  const { call, close } = await connect(world.token);
  const wrong = await call('spawn_run', { prompt: 'x', agent: 'nobody' });
  assert.ok(wrong.isError);
  assert.match(wrong.text, 'nobody');
  const { text, isError } = await call('wait_runs', { task_ids: ['../x'] });
  assert.ok(isError);
  assert.match(text, 'task_ids');
  await close();
});

test('a spawned run is asked for one deeper than its parent, and refused at the depth and the budget of its chain', async () => {
  const run = await startRun(world, { project_id: 'acme' });
  const { call, close } = await connect(world.tickets.issue(run));
  const spawned = (await call('spawn_run', { prompt: 'echo hello' })).json<{ task_id: string }>();
  const asked = (await all(world.bus)).at(-1);
  assert.is(asked?.type, 'TASK_REQUESTED');
  assert.equal([asked?.depth, asked?.run_id, asked?.project_id], [1, run.run_id, 'acme']);
  assert.equal(asked?.data, {
    prompt: 'echo hello',
    agent: 'shell',
    cwd: '/',
    timeout_ms: 300_000,
    parent_run_id: run.run_id,
  });
  assert.is(asked?.task_id, spawned.task_id);
  world.ledger.view.lineage.set(run.run_id, { depth: 15, trust: 'full' });
  assert.match((await call('spawn_run', { prompt: 'x' })).text, 'too_deep');
  world.ledger.view.lineage.set(run.run_id, { depth: 1, root: 'MSG-root', trust: 'full' });
  world.ledger.view.chains.set('MSG-root', 200);
  assert.match((await call('spawn_run', { prompt: 'x' })).text, 'budget of 200');
  await close();
});

test('a spawned run is waited for, and its end wakes the waiting', async () => {
  const parent = await startRun(world);
  const { call, close } = await connect(world.tickets.issue(parent));
  const child = await startRun(world, { task_id: 'child' });
  const early = (await call('wait_runs', { task_ids: ['child'], timeout_seconds: 0 })).json<{
    runs: { status: string }[];
  }>();
  assert.is(early.runs[0]?.status, 'running');
  const waiting = call('wait_runs', { task_ids: ['child'], timeout_seconds: 600 });
  writeFileSync(join(child.folder, 'output.md'), 'the answer');
  await child.stop();
  assert.equal((await waiting).json<{ runs: unknown[] }>().runs, [
    { task_id: 'child', status: 'completed', run_id: child.run_id, exit: 0, output: 'the answer' },
  ]);
  await close();
});

test('a report is a fact, and the file DONE', async () => {
  const run = await startRun(world, { task_id: 'mine' });
  const { call, close } = await connect(world.tickets.issue(run));
  await call('report_done', { summary: 'all of it' });
  const event = (await all(world.bus)).at(-1);
  assert.equal([event?.type, event?.body, event?.authentic], ['RUN_REPORTED', 'all of it', true]);
  assert.ok(existsSync(join(world.runs.folder({ project_id: 'default', task_id: 'mine' }), 'DONE')));
  const person = await connect(world.token);
  assert.match((await person.call('report_done', { summary: 'x' })).text, 'forbidden');
  await person.close();
  await close();
});

const decide = (approval: string, decision: string, comment?: string) =>
  post(`${world.url}/api/v1/approvals/decide`, { approval, decision, ...(comment === undefined ? {} : { comment }) });
/** The name of what waits, as soon as something does. */
const waitingApproval = async (): Promise<string> => {
  for (;;) {
    for (const { approval, status } of world.lists.approvals.all()) if (status === 'waiting') return approval;
    await new Promise((resolve) => setImmediate(resolve));
  }
};

test('a person is asked, also again, and the answer comes as soon as it is given', async () => {
  const run = await startRun(world);
  const { call, close } = await connect(world.tickets.issue(run));
  const early = (await call('ask_human', { question: 'Which one?', timeout_seconds: 0 })).json<{
    approval: string;
    status: string;
  }>();
  assert.is(early.status, 'waiting');
  const waiting = call('ask_human', { approval: early.approval, timeout_seconds: 600 });
  assert.is((await decide(early.approval, 'approve', 'the second')).status, 200);
  const answer = (await waiting).json();
  assert.equal([answer['status'], answer['decision'], answer['answer']], ['answered', 'approve', 'the second']);
  const other = await startRun(world);
  const stranger = await connect(world.tickets.issue(other));
  assert.match((await stranger.call('ask_human', { approval: early.approval })).text, 'forbidden');
  await stranger.close();
  await close();
});

test('a permission prompt is answered in the form that claude reads', async () => {
  const run = await startRun(world);
  const { call, close } = await connect(world.tickets.issue(run));
  for (const [decision, answer] of [
    ['approve', { behavior: 'allow', updatedInput: { command: 'ls' } }],
    ['reject', { behavior: 'deny', message: 'not today' }],
  ] as const) {
    const waiting = call('approve', { tool_name: 'Bash', input: { command: 'ls' }, tool_use_id: 't1' });
    await decide(await waitingApproval(), decision, 'not today');
    assert.equal((await waiting).json(), answer);
  }
  const nobody = await call('approve', { tool_name: 'Bash', input: {}, timeout_seconds: 0 });
  assert.is(nobody.json()['behavior'], 'deny');
  await close();
});

test('a client of the older protocol is served, too', async () => {
  const run = await startRun(world);
  const headers = { ...signedIn(world.tickets.issue(run)), accept: 'application/json, text/event-stream' };
  const ask = async (method: string, params: unknown) => {
    const answer = await post(`${world.url}/mcp`, { jsonrpc: '2.0', id: 1, method, params }, headers);
    assert.is(answer.status, 200);
    return await answer.text();
  };
  assert.match(
    await ask('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'old', version: '1' },
    }),
    'conductor',
  );
  assert.match(await ask('tools/list', {}), 'spawn_run');
});

test('the same tools over plain HTTP', async () => {
  const run = await startRun(world);
  const headers = signedIn(world.tickets.issue(run));
  const answer = await post(`${world.url}/api/v1/tools/post_message`, { type: 'A' }, headers);
  assert.is(answer.status, 200);
  assert.ok(((await answer.json()) as { result: { msg_id: string } }).result.msg_id);
  assert.is((await post(`${world.url}/api/v1/tools/fly`, {}, headers)).status, 400);
});

test.run();
