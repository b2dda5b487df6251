import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { all, get, open, post, type World } from './world.js';

let world: World;
test.before.each(async () => {
  world = await open();
});
test.after.each(() => world.close());

const at = (path: string): string => `${world.url}/api/v1/${path}`;
const errorOf = async (answer: Response) =>
  ((await answer.json()) as { error: { code: string; message: string; details?: unknown } }).error;

test('a message is on the bus when it is acknowledged', async () => {
  const answer = await post(at('messages'), {
    type: 'deployRequested',
    body: 'go',
    data: { to: 'prod' },
    project_id: 'acme',
  });
  assert.is(answer.status, 202);
  const { msg_id, duplicate } = (await answer.json()) as { msg_id: string; duplicate: boolean };
  const [event] = await all(world.bus);
  assert.is(event?.msg_id, msg_id);
  assert.is(duplicate, false);
  assert.is(event?.type, 'DEPLOY_REQUESTED');
  assert.is(event?.project_id, 'acme');
  assert.equal(event?.data, { to: 'prod' });
});

test('a repeated dedupe key is answered with the first message', async () => {
  const first = (await (await post(at('messages'), { type: 'A', dedupe_key: 'k' })).json()) as { msg_id: string };
  const second = (await (await post(at('messages'), { type: 'A', dedupe_key: 'k' })).json()) as { msg_id: string };
  assert.equal(second, { msg_id: first.msg_id, duplicate: true });
  assert.is((await all(world.bus)).length, 1);
});

const refused: [string, unknown, Record<string, string>, number, string, RegExp][] = [
  ['an unknown key is named', { type: 'A', colour: 1 }, {}, 400, 'bad_request', /colour/],
  ['a nested field is named', { type: 'A', parents: [{ msg_id: 'x' }] }, {}, 400, 'bad_request', /parents\[0\]\.kind/],
  ['a missing type is named', { body: 'x' }, {}, 400, 'bad_request', /type/],
  ['an id that would leave its folder', { type: 'A', project_id: '../x' }, {}, 400, 'bad_request', /project_id/],
  ['a reserved type', { type: 'run_stop' }, {}, 403, 'reserved_type', /RUN_STOP/],
  ['broken JSON', '{"type":', {}, 400, 'bad_request', /JSON/],
  ['bytes that are no UTF-8', new Blob([new Uint8Array([0x22, 0xff, 0x22])]), {}, 400, 'bad_request', /JSON/],
  [
    'a nesting without end',
    `{"type":"A","data":{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}}`,
    {},
    400,
    'bad_request',
    /nested/,
  ],
  ['a form', 'type=A', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type', /application\/json/],
  ['a packed body', 'x', { 'content-encoding': 'gzip' }, 415, 'unsupported_media_type', /gzip/],
  ['a body over 1 MiB', JSON.stringify({ type: 'A', body: 'x'.repeat(1024 * 1024) }), {}, 413, 'too_large', /1 MiB/],
];
for (const [name, body, headers, status, code, message] of refused) {
  test(`refused, and nothing is written: ${name}`, async () => {
    const answer = await post(at('messages'), body, headers);
    const error = await errorOf(answer);
    assert.is(answer.status, status);
    assert.is(error.code, code);
    assert.match(error.message, message);
    assert.ok(answer.headers.get('x-request-id'));
    assert.equal(await all(world.bus), []);
  });
}

test('messages are listed newest last, by type, and page by page', async () => {
  await world.bus.append(Array.from({ length: 5 }, (_, n) => ({ type: n % 2 ? 'ODD' : 'EVEN', body: String(n) })));
  const list = async (query: string) => {
    const answer = (await (await get(at(`messages?${query}`))).json()) as {
      messages: { msg_id: string; body: string }[];
      more: boolean;
    };
    return { ...answer, bodies: answer.messages.map(({ body }) => body).join('') };
  };
  assert.is((await list('limit=2')).bodies, '34');
  assert.is((await list('type=odd')).bodies, '13');
  const first = await list('since_id=&limit=2');
  assert.is(first.bodies, '01');
  assert.is(first.more, true);
  const rest = await list(`since_id=${first.messages[1]?.msg_id}&limit=3`);
  assert.is(rest.bodies, '234');
  assert.is(rest.more, false);
  assert.is((await get(at('messages?since_id=MSG-never'))).status, 404);
  assert.match((await errorOf(await get(at('messages?limit=0')))).message, /limit/);
  assert.match((await errorOf(await get(at('messages?colour=red')))).message, /colour/);
});

test.run();
