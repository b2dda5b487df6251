import { symlinkSync } from 'node:fs';
import { request } from 'node:http';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { deriveToken } from '../../src/api/access/derived-token.js';
import { get, open, post, signedIn, startRun, TOKEN, type World } from './world.js';

type Json = Record<string, unknown>;
interface Operation extends Json {
  parameters: { name: string; in: string }[];
  requestBody?: { required: boolean };
  responses: Record<string, { content?: Record<string, { schema: Json }> }>;
  security?: unknown[];
}

let world: World;
test.before.each(async () => {
  world = await open();
});
test.after.each(() => world.close());

const at = (path: string): string => `${world.url}${path}`;
const documentOf = async () =>
  (await (await get(at('/api/v1/openapi.json'))).json()) as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, Json> };
  };
const fill = (path: string): string =>
  path.replace(/[:{](\w+)\}?/g, path.includes('/tools/') ? 'post_message' : 'nothing');
/** Every method of every path of the document. */
const operations = async () => {
  const { paths } = await documentOf();
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
};

test('every endpoint is in the document, and nothing else', async () => {
  const described = (await operations()).map(({ path, method }) => `${method} ${path}`).sort();
  const served = world.endpoints.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`).sort();
  assert.equal(described, served);
  assert.is((await documentOf()).openapi, '3.1.0');
});

test('every endpoint without a token is a 401, but for those that say so', async () => {
  for (const { path, method, operation } of await operations()) {
    const answer = await get(at(fill(path)), { authorization: undefined }, method.toUpperCase());
    if (operation.security?.length === 0) assert.is.not(answer.headers.get('www-authenticate')?.includes('none'), true);
    else assert.is(answer.status, 401, `${method} ${path}`);
    await answer.body?.cancel();
  }
});

test('every endpoint with a scope that is not among its own is a 403', async () => {
  const lent = (scope: 'read' | 'write') => ({
    authorization: `Bearer ${deriveToken(TOKEN, scope, Date.now() + 60_000)}`,
  });
  let refused = 0;
  for (const { method, path, scopes } of world.endpoints) {
    if (scopes === 'anyone') continue;
    const under = scopes.includes('read')
      ? []
      : scopes.includes('write')
        ? ['read' as const]
        : ['read' as const, 'write' as const];
    for (const scope of under) {
      const answer = await get(at(fill(path)), lent(scope), method.toUpperCase());
      assert.is(answer.status, 403, `${method} ${path} as ${scope}`);
      refused += 1;
    }
  }
  assert.ok(refused > 10);
});

test('a run may not do what only people may', async () => {
  const run = await startRun(world);
  const headers = { authorization: `Bearer ${world.tickets.issue(run)}` };
  for (const { method, path, scopes } of world.endpoints) {
    if (scopes === 'anyone' || scopes.includes('run')) continue;
    assert.is((await get(at(fill(path)), headers, method.toUpperCase())).status, 403, `${method} ${path}`);
  }
});

test('every path refuses a method that it does not have', async () => {
  for (const path of new Set(world.endpoints.map((one) => one.path))) {
    const has = world.endpoints.filter((one) => fill(one.path) === fill(path)).map(({ method }) => method);
    const answer = await get(at(fill(path)), {}, 'PATCH');
    assert.is(answer.status, 405, path);
    assert.is(((await answer.json()) as { error: { code: string } }).error.code, 'method_not_allowed');
    assert.ok(has.length > 0);
  }
});

test('every query with an unknown or a wrong value is a 400 that names it', async () => {
  for (const { path, method, operation } of await operations()) {
    if (method !== 'get' || path.includes('{')) continue;
    const answer = await get(`${at(path)}?colour=red`);
    assert.is(answer.status, 400, path);
    assert.match(await answer.text(), /colour/);
    for (const [name, value] of [
      ['limit', 'many'],
      ['cursor', '../x'],
      ['status', 'asleep'],
      ['project_id', '../x'],
    ] as const) {
      if (!operation.parameters.some((one) => one.name === name && one.in === 'query')) continue;
      const wrong = await get(`${at(path)}?${name}=${encodeURIComponent(value)}`);
      // A filter of a stream is no id: it fits nothing.
      if (path.endsWith('/stream') || path.startsWith('/ui/')) {
        await wrong.body?.cancel();
        continue;
      }
      assert.is(wrong.status, 400, `${path}?${name}`);
      assert.match(await wrong.text(), name);
    }
  }
});

test('where nothing has to be said nothing need be sent', async () => {
  const run = await startRun(world);
  await run.stop();
  const bare = (path: string) => fetch(at(path), { method: 'POST', headers: signedIn() });
  for (const path of [`/api/v1/runs/${run.run_id}/resume`, '/api/v1/rules/one/disable', '/api/v1/handlers/build/run'])
    assert.is((await bare(path)).status, 202, path);
  const asked = await bare('/api/v1/approvals/decide');
  assert.is(asked.status, 400);
  assert.match(await asked.text(), 'approval');
  const { paths } = await documentOf();
  const isRequired = (path: string) => paths[path]?.['post']?.requestBody?.required;
  assert.equal([isRequired('/api/v1/runs/{run_id}/resume'), isRequired('/api/v1/approvals/decide')], [false, true]);
});

test('every body of a wrong type, shape or language is refused, and the bus stays as it is', async () => {
  for (const { path, method, operation } of await operations()) {
    if (operation.requestBody === undefined) continue;
    const send = (body: string, type = 'application/json') =>
      post(at(fill(path)), body, { 'content-type': type }).then(({ status }) => status);
    assert.is(method, 'post');
    for (const body of ['[]', '"x"', '1', 'null', '{"colour":1}', '{', ''])
      assert.is(await send(body), 400, `${path} ${body}`);
    assert.is(await send('{}', 'text/plain'), 415, path);
    assert.is(await send('{}', 'application/json\ta'), 415, path);
    // A tool whose fields all have defaults takes it for an empty one.
    if (!path.includes('/tools/')) assert.is(await send(`{"__proto__":{"type":"A"}}`), 400, path);
  }
  for await (const event of world.bus.read()) assert.unreachable(event.type);
});

/** What each path's parameters are in the world below, so that there is something to answer with. */
const prepare = async () => {
  const run = await startRun(world, { project_id: 'acme', task_id: 'mine' });
  await run.stop();
  const living = await startRun(world, { project_id: 'acme', task_id: 'mine' });
  const [receipt] = await world.bus.append([{ type: 'CODE_PUSHED', project_id: 'acme' }]);
  const event = receipt?.msg_id ?? '';
  const fired = {
    rule: 'one',
    event,
    handler: 'build',
    project_id: 'acme',
    task_id: 'mine',
    depth: 1,
    trust: 'full',
    root: event,
  };
  const [routed] = await world.bus.record([
    {
      type: 'ROUTED',
      data: {
        from: '',
        to: '1:1',
        table: 'abc',
        events: 1,
        fired: [{ ...fired, activation: `one/${event}` }],
        suppressed: [],
        errors: [],
      },
    },
    {
      type: 'STEP_FINISHED',
      data: { activation: `one/${event}`, step: '0', status: 'completed', attempts: 1, output: '', exit: 0 },
    },
    { type: 'APPROVAL_REQUESTED', data: { approval: 'one/x', question: 'Deploy?' } },
  ]);
  await world.lists.until(routed?.msg_id ?? '');
  const [last] = await world.bus.append([{ type: 'LAST' }]);
  await world.lists.until(last?.msg_id ?? '');
  return { run, living, event };
};

test('every answer has the shape that the document says', async () => {
  const { run, living, event } = await prepare();
  const { components } = await documentOf();
  const values: Record<string, string> = {
    run_id: run.run_id,
    project_id: 'acme',
    task_id: 'mine',
    rule: 'one',
    msg_id: event,
    name: 'build',
  };
  const bodies: Record<string, unknown> = {
    '/api/v1/messages': { type: 'A' },
    '/api/v1/tasks': { prompt: 'echo', agent: 'shell' },
    '/api/v1/approvals/decide': { approval: 'one/x', decision: 'approve', comment: 'yes' },
    '/api/v1/rules/simulate': { rules: [{ id: 'two', on: 'CODE_PUSHED', do: 'build' }] },
    '/api/v1/login': { code: world.sessions.code('read') },
  };
  const shapeOf = (schema: Json): z.ZodType => z.fromJSONSchema(schema);
  let checked = 0;
  const check = async ({ path, method, operation }: Awaited<ReturnType<typeof operations>>[number]): Promise<void> => {
    if (
      path === '/api/v1/webhooks/{name}' ||
      path.includes('/mcp') ||
      path.includes('/tools/') ||
      path.endsWith('/stream')
    )
      return;
    const stops = path === '/api/v1/runs/{run_id}/stop';
    const known = {
      ...values,
      ...(stops ? { run_id: living.run_id } : {}),
      ...(path.includes('/files/') ? { name: 'prompt.md' } : {}),
    };
    const url = at(
      path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(known[name as keyof typeof known] ?? 'x')),
    );
    const more = path.endsWith('/logs') ? '?tail=5' : '';
    const answer =
      method === 'post' ? await post(url, bodies[path] ?? {}) : await get(`${url}${more}`, {}, method.toUpperCase());
    const said = operation.responses[String(answer.status)];
    assert.ok(said, `${method} ${path} answered ${answer.status}, which is not described`);
    const json = said.content?.['application/json'];
    if (!json) return;
    const schema = json.schema['$ref'] === undefined ? json.schema : components.schemas['Error']!;
    const result = shapeOf(schema).safeParse(await answer.json());
    assert.ok(result.success, `${method} ${path} ${answer.status}: ${result.error?.message ?? ''}`);
    if (answer.status < 300) checked += 1;
  };
  const list = await operations();
  const isLast = ({ method }: { method: string }): boolean => method === 'delete';
  for (const one of list.filter((one) => !isLast(one))) await check(one);
  await living.stop();
  for (const one of list.filter(isLast)) await check(one);
  assert.ok(checked >= 25, `${checked} good answers were checked`);
  // By its own endpoint and with its task.
  assert.equal(world.stopped, [living.run_id, living.run_id]);
});

test('a list is paged from the newest, and what arrives meanwhile moves nothing', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 25; n++) ids.unshift((await startRun(world, { task_id: `t-${n % 2}` })).run_id);
  const page = async (query: string) =>
    (await (await get(at(`/api/v1/runs?${query}`))).json()) as { runs: { run_id: string }[]; next?: string };
  const seen: string[] = [];
  let cursor = '';
  for (let n = 0; n < 3; n++) {
    const { runs, next } = await page(`limit=10${cursor}`);
    seen.push(...runs.map(({ run_id }) => run_id));
    cursor = `&cursor=${next}`;
    await startRun(world);
    if (n === 2) assert.is(next, undefined);
  }
  assert.equal(seen, ids);
  assert.is((await page('project_id=default&task_id=t-1&limit=100')).runs.length, 12);
  assert.is((await page('status=completed')).runs.length, 0);
  assert.is((await page('agent=shell,codex&limit=500')).runs.length, 28);
});

test('what one decision started is on one page each, whatever the length of a page', async () => {
  const fired = Array.from({ length: 7 }, (_, n) => ({
    activation: `many/MSG-${n}`,
    rule: 'many',
    event: `MSG-${n}`,
    handler: 'build',
    project_id: 'many',
    task_id: `many-${n}`,
    depth: 0,
    trust: 'full',
    root: `MSG-${n}`,
  }));
  const routed = { from: '1:0', to: '1:1', table: 'abc', events: 7, fired, suppressed: [], errors: [] };
  const [receipt] = await world.bus.record([{ type: 'ROUTED', data: routed }]);
  await world.lists.until(receipt?.msg_id ?? '');
  for (const [path, name, field] of [
    ['/api/v1/activations?rule=many', 'activations', 'activation'],
    ['/api/v1/tasks?project_id=many&status=running', 'tasks', 'task_id'],
  ] as const) {
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 3; pages++) {
      const answer = await get(at(`${path}&limit=3${cursor}`));
      assert.is(answer.status, 200);
      const page = (await answer.json()) as Record<string, Record<string, string>[]> & { next?: string };
      seen.push(...page[name]!.map((row) => row[field]!));
      cursor = `&cursor=${page.next}`;
      assert.is(page.next === undefined, pages === 2);
    }
    const expected = fired.map((one) => one[field as 'activation']).reverse();
    assert.equal(seen, expected);
  }
});

test('an unchanged answer is a 304, a long one is packed', async () => {
  for (let n = 0; n < 30; n++) await startRun(world);
  const first = await get(at('/api/v1/runs'), { 'accept-encoding': 'gzip' });
  assert.is(first.headers.get('content-encoding'), 'gzip');
  assert.is(((await first.json()) as { runs: unknown[] }).runs.length, 30);
  const tag = first.headers.get('etag') ?? '';
  // fetch would ask for a fresh answer by itself.
  const again = () =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...signedIn(), 'if-none-match': tag };
      request(at('/api/v1/runs'), { headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
  assert.is(await again(), 304);
  await startRun(world);
  assert.is(await again(), 200);
});

test('a link in the place of a file of a run is not followed', async () => {
  const { run_id, folder } = await startRun(world);
  symlinkSync('/etc/passwd', `${folder}/output.md`);
  assert.is((await get(at(`/api/v1/runs/${run_id}/files/output.md`))).status, 403);
  assert.is((await get(at(`/api/v1/runs/${run_id}/files/run-info.yaml`))).status, 200);
  for (const name of ['..%2frun-info.yaml', 'key', '..%5ckey', 'run-info.yaml%00'])
    assert.is((await get(at(`/api/v1/runs/${run_id}/files/${name}`))).status, 400, name);
});

test('a decision is made once', async () => {
  await prepare();
  const decide = () => post(at('/api/v1/approvals/decide'), { approval: 'one/x', decision: 'reject', comment: 'no' });
  assert.is((await decide()).status, 200);
  assert.is((await decide()).status, 409);
});

test.run();
