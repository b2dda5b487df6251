import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEnd } from '../../src/core/run.js';
import { fakeService, stream } from '../support/fake-service.js';
import { temporary, until } from '../support/service.js';
import { openWorld } from './world.js';

const KEY = 'pplx-0123456789abcdef';

const openWith = async (
  backend: 'perplexity' | 'xai',
  answer: Parameters<typeof fakeService>[0],
  more: Record<string, unknown> = {},
) => {
  const service = await fakeService(answer);
  const environment = { PERPLEXITY_API_KEY: KEY, XAI_API_KEY: KEY };
  const config = { web: { backend, base_url: `${service.url}/v1`, model: 'some-model', ...more } };
  return { service, world: await openWorld({ environment, config }) };
};

const piece = (content: string, more = {}) => ({
  id: 'chat-1',
  model: 'some-model',
  choices: [{ delta: { content } }],
  ...more,
});

test('perplexity: the answer with its sources is the output; usage and price are told', async () => {
  const { service, world } = await openWith('perplexity', (_asked, response) =>
    stream(response, [
      piece('The sky '),
      piece('is blue [1].', { search_results: [{ url: 'https://sky.example/' }] }),
      {
        id: 'chat-1',
        choices: [{ delta: {}, finish_reason: 'stop' }],
        usage: { prompt_tokens: 11, completion_tokens: 5, cost: { total_cost: 0.006 } },
      },
      '[DONE]',
    ]),
  );
  const { end, read } = await world.run('web', 'Why is the sky blue?');
  await service.close();
  assert.is(end.status, 'completed', end.error_summary);
  assert.is(end.output, 'The sky is blue [1].\n\nSources:\n[1] https://sky.example/\n');
  assert.equal([end.usage, end.cost_usd, end.session_id], [{ input_tokens: 11, output_tokens: 5 }, 0.006, 'chat-1']);
  const [asked] = service.asked;
  assert.is(asked?.path, '/v1/chat/completions');
  assert.is(asked?.headers.authorization, `Bearer ${KEY}`);
  assert.equal(asked?.body['messages'], [{ role: 'user', content: 'Why is the sky blue?' }]);
  assert.not.match(read('run-info.yaml'), KEY);
});

test('xai: the Responses API, and an earlier answer to go on from', async () => {
  const { service, world } = await openWith('xai', (_asked, response) =>
    stream(response, [
      { type: 'response.created', response: { id: 'resp-2', model: 'some-model' } },
      { type: 'response.output_text.delta', delta: 'Grü' },
      { type: 'response.output_text.delta', delta: 'ezi' },
      { type: 'response.completed', response: { id: 'resp-2', usage: { input_tokens: 3, output_tokens: 2 } } },
    ]),
  );
  const { end } = await world.run('web', 'Say hello', { resume_session: 'resp-1' });
  await service.close();
  assert.equal([end.status, end.output, end.session_id], ['completed', 'Grüezi', 'resp-2'], end.error_summary);
  assert.is(service.asked[0]?.body['previous_response_id'], 'resp-1');
});

test('a status is a failure of its class; a full service says when it is to be tried again', async () => {
  let status = 401;
  const { service, world } = await openWith('xai', (_asked, response) =>
    response.writeHead(status, { 'retry-after': '30' }).end('{"error":"not you"}'),
  );
  const refused = (await world.run('web', 'x')).end;
  assert.equal([refused.class, refused.exit], ['permanent', 2]);
  status = 429;
  const before = Date.now();
  const full = (await world.run('web', 'x')).end;
  assert.equal([full.class, full.reason], ['transient', 'rate_limit']);
  const wait = Date.parse(full.retry_at ?? '') - before;
  assert.ok(wait >= 30_000 && wait < 60_000, full.retry_at);
  status = 503;
  assert.is((await world.run('web', 'x')).end.class, 'transient');
  await service.close();
  assert.is((await world.run('web', 'x')).end.class, 'transient', 'nobody listens any more');
});

test('an answer that breaks off is none', async () => {
  const { service, world } = await openWith('perplexity', (_asked, response) => {
    stream(response, [piece('half of')], false);
    setTimeout(() => response.destroy(), 50);
  });
  const { end } = await world.run('web', 'x');
  await service.close();
  assert.equal([end.status, end.class, end.output], ['failed', 'transient', 'half of']);
});

test('a run that waits for its answer can be stopped, and the connection goes', async () => {
  let closed = false;
  const { service, world } = await openWith('xai', (_asked, response) => {
    stream(response, [{ type: 'response.created', response: { id: 'r' } }], false);
    response.on('close', () => (closed = true));
  });
  const spec = world.specOf('web', 'x');
  const ended = lastValueFrom(world.runner.attempt(spec)) as Promise<RunEnd>;
  await until('it is asked', () => service.asked.length > 0);
  await world.runner.stop(spec, 'enough');
  assert.is((await ended).reason, 'stopped: enough');
  await until('nobody holds the connection', () => closed);
  await service.close();
});

test('no key, or one that others may read, is a matter of the configuration, with the remedy', async () => {
  const world = await openWorld({ config: { web: { backend: 'perplexity', base_url: 'http://127.0.0.1:9' } } });
  const none = (await world.run('web', 'x')).end;
  assert.is(none.exit, 3);
  assert.match(none.error_summary ?? '', 'set PERPLEXITY_API_KEY, or name a file (chmod 600) as agents.web.token_file');

  const token_file = join(temporary('token'), 'token');
  writeFileSync(token_file, `${KEY}\n`, { mode: 0o644 });
  const service = await fakeService((_asked, response) => response.writeHead(400).end());
  const second = await openWorld({ config: { web: { backend: 'perplexity', base_url: service.url, token_file } } });
  const open = (await second.run('web', 'x')).end;
  assert.is(open.exit, 3);
  assert.match(open.error_summary ?? '', `chmod 600 ${token_file}`);
  chmodSync(token_file, 0o600);
  assert.is((await second.run('web', 'x')).end.exit, 2, 'a bad request');
  assert.is(service.asked[0]?.headers.authorization, `Bearer ${readFileSync(token_file, 'utf8').trim()}`);
  await service.close();
});

test.run();
