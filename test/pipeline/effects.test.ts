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
