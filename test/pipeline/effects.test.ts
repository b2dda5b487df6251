import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { handler, openWorld } from './world.js';

test('http asks again with the same Idempotency-Key until it is answered, and what comes back is data; notify is said once', async () => {
  const keys: unknown[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers['idempotency-key']);
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(request.url === '/gone' ? 404 : keys.length < 3 ? 503 : 200).end('{"n": 4}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const world = await openWorld({
    files: {
      'h.yaml': handler(
        'h',
        `
- id: ask
  retry: { attempts: 3, base: 5ms, cap: 10ms }
  output: json
  http: { url: 'http://127.0.0.1:${port}/x', method: POST, body: { name: '{{ event.data.name }}' } }
- { notify: { action: page_oncall, message: 'n is {{ steps.ask.data.n }}' } }
- { id: gone, retry: { attempts: 3, base: 5ms }, http: 'http://127.0.0.1:${port}/gone' }
`,
      ),
    },
  });
  try {
    const end = await world.go('h', { name: 'A "da"' });
    assert.is(end['exit'], 2);
    assert.match(String(end['error']), 'answered 404');
    assert.is(new Set(keys.slice(0, 3)).size, 1);
    assert.is(keys.length, 4, 'a 404 is not asked again');
    assert.equal(JSON.parse(bodies[0]!), { name: 'A "da"' });
    const [said] = await world.events('NOTIFICATION');
    assert.equal(said!.data, { action: 'page_oncall', message: 'n is 4' });
  } finally {
    await world.close();
    server.close();
  }
});

test('a template or a condition that cannot succeed is tried once, whatever the step says of retry', async () => {
  const RETRY = 'retry: { attempts: 5, base: 5ms, cap: 5ms }';
  const steps = {
    'missing field': `{ id: x, ${RETRY}, emit: { type: SAID, body: 'of {{ event.data.nobody }}' } }`,
    'missing field of a script': `{ id: x, shell: 'true', ${RETRY}, env: { N: '{{ event.data.nobody }}' } }`,
    'text without end': `{ id: x, ${RETRY}, emit: { type: SAID, body: '{% for i in (1..1000000000) %}x{% endfor %}' } }`,
    'condition of a missing field': `{ id: x, ${RETRY}, when: 'event.data.nobody == "a"', emit: { type: SAID } }`,
    'items of a missing field': `{ id: x, ${RETRY}, map: { items: 'event.data.nobody', steps: [{ emit: { type: SAID } }] } }`,
    'no address': `{ id: x, ${RETRY}, http: '{{ event.data.zero }}' }`,
  };
  const names = Object.keys(steps).map((name) => name.replaceAll(' ', '-'));
  const world = await openWorld({
    files: Object.fromEntries(
      Object.values(steps).map((step, index) => [`${names[index]}.yaml`, handler(names[index]!, `\n- ${step}\n`)]),
    ),
  });
  try {
    for (const name of names) {
      const end = await world.go(name, { zero: 0 });
      assert.equal([name, end['status'], end['exit']], [name, 'failed', 2], String(end['error']));
    }
    const failed = (await world.events('STEP_FINISHED')).map(({ data }) => data);
    assert.is(failed.length, names.length);
    for (const { attempts, class: kind, activation } of failed)
      assert.ok(kind === 'permanent' && Number(attempts) <= 1, `${String(activation)}: ${String(attempts)} times`);
  } finally {
    await world.close();
  }
});

test('notify reaches people by the action of the configuration: again until it is taken, always with one key, said once', async () => {
  const keys: unknown[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers['idempotency-key']);
    response.writeHead(keys.length < 3 ? 503 : 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const webhook = (path: string) =>
    ({
      kind: 'webhook',
      url: `http://127.0.0.1:${port}/${path}`,
      form: 'slack',
      headers: {},
      timeout_ms: 5_000,
    }) as const;
  const world = await openWorld({
    files: {
      'h.yaml': handler(
        'h',
        `
- { id: page, retry: { attempts: 4, base: 5ms, cap: 10ms }, notify: { action: '{{ event.data.whom }}', message: 'red' } }
- { id: nobody, notify: { action: no_such_action, message: 'red' } }
`,
      ),
    },
    actions: { page_oncall: webhook('page') },
    random: () => 0,
  });
  try {
    assert.is((await world.go('h', { whom: 'page_oncall' }))['status'], 'completed');
    assert.is(keys.length, 3);
    assert.is(new Set(keys).size, 1);
    const { page, nobody } = await world.steps();
    assert.is(page!['attempts'], 3);
    assert.equal((page!['data'] as { delivered: boolean }).delivered, true);
    assert.equal(nobody!['data'], { delivered: false });
    assert.equal(
      (await world.events('NOTIFICATION')).map(({ data }) => data['action']),
      ['page_oncall', 'no_such_action'],
    );
    assert.match(world.said.join('\n'), 'no action "no_such_action" is configured');
  } finally {
    await world.close();
    server.close();
  }
});

test.run();
