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

test.run();
