import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { all, open, post, type World } from './world.js';

let world: World;
test.before.each(async () => {
  world = await open();
});
test.after.each(() => world.close());

const say = (body: unknown, headers: Record<string, string>) => post(`${world.url}/api/v1/messages`, body, headers);
const binary = {
  'ce-specversion': '1.0',
  'ce-id': 'A-1',
  'ce-source': '/shops/1',
  'ce-type': 'com.example.order.created',
};

test('binary mode: attributes in headers, data in the body', async () => {
  const headers = {
    ...binary,
    'ce-subject': 'order%2017%20%E2%82%AC',
    'ce-time': '2026-01-01T00:00:00Z',
    'ce-projectid': 'acme',
    'ce-taskid': 'orders',
    'ce-actor': 'ann',
    'ce-causationid': 'MSG-1',
  };
  assert.is((await say({ total: 3 }, headers)).status, 202);
  const [event] = await all(world.bus);
  assert.is(event?.type, 'COM_EXAMPLE_ORDER_CREATED');
  assert.is(event?.source, '/shops/1');
  assert.equal([event?.project_id, event?.task_id, event?.actor], ['acme', 'orders', 'ann']);
  assert.equal(event?.parents, [{ msg_id: 'MSG-1', kind: 'caused_by' }]);
  assert.equal(event?.data, { total: 3 });
  assert.equal(event?.meta, { subject: 'order 17 €', time: '2026-01-01T00:00:00Z' });
});

test('structured mode is the same event, so it is told once; source and id together are what repeats', async () => {
  const structured = { specversion: '1.0', id: 'A-1', source: '/shops/1', type: 'com.example.order.created' };
  const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
  const told = [
    await say({ total: 3 }, binary),
    await say({ ...structured, data: { total: 3 } }, headers),
    await say({ ...structured, source: '/shops/2', data: [1] }, headers),
  ];
  const answers = (await Promise.all(told.map((one) => one.json()))) as { msg_id: string; duplicate: boolean }[];
  assert.equal(
    answers.map(({ duplicate }) => duplicate),
    [false, true, false],
  );
  assert.is(answers[0]?.msg_id, answers[1]?.msg_id);
  assert.equal((await all(world.bus))[1]?.data, { value: [1] });
});

test('a source with the sign between source and id is no other source', async () => {
  const tell = (source: string, id: string) =>
    say({}, { ...binary, 'ce-source': encodeURIComponent(source), 'ce-id': id });
  for (const [source, id] of [
    ['/a#b', 'c'],
    ['/a', 'b#c'],
    ['/a%23b', 'c'],
  ] as const)
    assert.is((await tell(source, id)).status, 202);
  assert.is((await all(world.bus)).length, 3);
});

test('structured mode keeps subject, time and extensions, whatever JSON they are', async () => {
  const event = {
    specversion: '1.0',
    id: 'A-1',
    source: '/shops/1',
    type: 'order.created',
    datacontenttype: 'text/plain',
  };
  const more = {
    subject: '17 🎉',
    time: '2026-01-01T00:00:00.5+01:00',
    retries: 3,
    urgent: true,
    gone: null,
    data: 'text',
  };
  const headers = { 'content-type': 'application/cloudevents+json' };
  assert.is((await say({ ...event, ...more }, headers)).status, 202);
  const [told] = await all(world.bus);
  assert.equal(told?.meta, { subject: '17 🎉', time: '2026-01-01T00:00:00.5+01:00', retries: '3', urgent: 'true' });
  assert.equal([told?.body, told?.data], ['text', {}]);
});

test('text is for people, and no data is none', async () => {
  assert.is((await say('Grüße 🎉', { ...binary, 'content-type': 'text/plain' })).status, 202);
  assert.is((await say('', { ...binary, 'ce-id': 'A-2' })).status, 202);
  const [text, none] = await all(world.bus);
  assert.is(text?.body, 'Grüße 🎉');
  assert.equal([none?.body, none?.data], ['', {}]);
});

const wrong: [string, unknown, Record<string, string>, number, RegExp][] = [
  ['no id', {}, { ...binary, 'ce-id': '' }, 400, /ce-id/],
  ['another version', {}, { ...binary, 'ce-specversion': '0.3' }, 400, /specversion/],
  ['a reserved type', {}, { ...binary, 'ce-type': 'run.stop' }, 403, /RUN_STOP/],
  ['a broken escape', {}, { ...binary, 'ce-subject': '%E2%82' }, 400, /ce-subject/],
  ['a project that leaves its folder', {}, { ...binary, 'ce-projectid': '../x' }, 400, /project_id/],
  ['an id without end', {}, { ...binary, 'ce-id': 'x'.repeat(600) }, 400, /ce-id: is longer/],
  ['no version', {}, { ...binary, 'ce-specversion': '' }, 400, /ce-specversion: is missing/],
  ['headers without a version', {}, { 'ce-id': '1', 'ce-type': 'a.b' }, 400, /ce-specversion: is missing/],
  ['a time that is none', {}, { ...binary, 'ce-time': 'yesterday' }, 400, /ce-time: must be/],
  ['a line break in an attribute', {}, { ...binary, 'ce-subject': 'a%0Ab' }, 400, /ce-subject: holds a control/],
  ['a name with an underscore', {}, { ...binary, 'ce-made_by': 'r' }, 400, /ce-made_by: an attribute is named/],
  ['data that is no JSON', '{', binary, 400, /JSON/],
  ['an image', 'x', { ...binary, 'content-type': 'image/png' }, 415, /application\/json/],
  ...['specversion', 'id', 'source', 'type'].flatMap((name): typeof wrong => {
    const whole = { specversion: '1.0', id: 'a', source: 'b', type: 'c', data: {} };
    const headers = { 'content-type': 'application/cloudevents+json' };
    return [undefined, null, ''].map((value) => [
      `structured with ${name} ${JSON.stringify(value)}`,
      { ...whole, [name]: value },
      headers,
      400,
      new RegExp(`^${name}: is missing`),
    ]);
  }),
  [
    'half of a surrogate pair',
    '{"specversion":"1.0","id":"\\ud800","source":"b","type":"c"}',
    { 'content-type': 'application/cloudevents+json' },
    400,
    /^id: holds/,
  ],
  [
    'an attribute called __proto__',
    '{"specversion":"1.0","id":"a","source":"b","type":"c","__proto__":"x"}',
    { 'content-type': 'application/cloudevents+json' },
    400,
    /^__proto__: an attribute is named/,
  ],
  [
    'an attribute that is an object',
    { specversion: '1.0', id: 'a', source: 'b', type: 'c', subject: {} },
    { 'content-type': 'application/cloudevents+json' },
    400,
    /^subject: must be text/,
  ],
  [
    'attributes without end',
    Object.assign(
      { specversion: '1.0', id: 'a', source: 'b', type: 'c' },
      Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`x${n}`, n])),
    ),
    { 'content-type': 'application/cloudevents+json' },
    400,
    /more than 64 attributes/,
  ],
  ['a batch', [], { 'content-type': 'application/cloudevents-batch+json' }, 415, /one at a time/],
  ['another format', 'x', { 'content-type': 'application/cloudevents+avro' }, 415, /one at a time/],
  ['a structured list', [], { 'content-type': 'application/cloudevents+json' }, 400, /object/],
  [
    'binary data',
    { specversion: '1.0', id: 'a', source: 'b', type: 'c', data_base64: 'AA==' },
    { 'content-type': 'application/cloudevents+json' },
    415,
    /data_base64/,
  ],
];
for (const [what, body, headers, status, message] of wrong) {
  test(`refused, and nothing is written: ${what}`, async () => {
    const answer = await say(body, headers);
    assert.is(answer.status, status);
    assert.match(((await answer.json()) as { error: { message: string } }).error.message, message);
    assert.equal(await all(world.bus), []);
  });
}

test.run();
