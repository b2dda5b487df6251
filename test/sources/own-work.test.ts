import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { markerOf, markIn, trailerOf } from '../../src/core/marker.js';
import { webhookSchema } from '../../src/core/webhook.js';
import { createEndpoint, draftsOf, readingOf } from '../../src/sources/deliveries.js';
import type { Json } from '../../src/sources/json.js';
import { providerOf } from '../../src/sources/providers/providers.js';
import type { ProviderName } from '../../src/core/webhook-providers.js';

const blobs = { put: () => Promise.resolve({ sha256: 'x', bytes: 1 }), get: () => Promise.resolve(undefined) };
const RUN = '20261121-1000000000-12-3';

const meta = async (
  name: ProviderName,
  event: string,
  payload: Json,
  { self = [], madeBy }: { self?: string[]; madeBy?: (sha: string) => Promise<string | undefined> } = {},
) => {
  const config = webhookSchema.parse({ secret_file: 's', self });
  const headers = { 'x-github-event': event, 'x-event-key': event, 'x-gitea-event': event };
  const rawBody = Buffer.from(JSON.stringify(payload));
  const endpoint = createEndpoint(name, providerOf(name, config), config);
  const reading = readingOf(endpoint, { headers, rawBody, payload });
  return (await draftsOf(reading, rawBody, { blobs, madeBy }))[0]?.meta;
};

test('a mark is found at the end of a text, and not in a quotation of it', () => {
  assert.is(markIn(`Done.\n\n${markerOf(RUN)}`), RUN);
  assert.is(markIn(`Done.\r\n${markerOf(RUN)}\r\nSent from my terminal`), RUN);
  assert.is(markIn(`Fix it\n\nSigned-off-by: a\n${trailerOf(RUN)}\n`), RUN);
  assert.is(
    markIn(markerOf('fix-red-main/MSG-20261121-100000-000000001-PID1-1')),
    'fix-red-main/MSG-20261121-100000-000000001-PID1-1',
  );
  assert.is(markIn(`> ${markerOf(RUN)}\nNo.`), undefined);
  assert.is(markIn('conductor: nothing'), undefined);
});

const said = (text: string): Json => ({
  action: 'created',
  comment: { body: text },
  issue: { number: 1 },
  sender: { login: 'ann' },
});

test('what carries a mark of ours says which run wrote it, for every provider and however long it is', async () => {
  const text = `${'long '.repeat(4_000)}\n${markerOf(RUN)}`;
  const marked = { actor_kind: 'person', made_by: RUN };
  assert.equal(await meta('github', 'issue_comment', said(text)), marked);
  assert.equal(await meta('gitea', 'issue_comment', said(text)), marked);
  const pull = { number: 1, pull_request: { body: text }, sender: { login: 'ann' } };
  assert.equal(await meta('github', 'pull_request', { action: 'opened', ...pull }), marked);
  assert.equal(
    await meta('github', 'pull_request', { action: 'reopened', ...pull }),
    { actor_kind: 'person' },
    'a person opened what we wrote again',
  );
  assert.equal(
    await meta('gitlab', '', { object_kind: 'note', object_attributes: { note: text }, user: { username: 'ann' } }),
    marked,
  );
  assert.equal(
    await meta('bitbucket', 'pullrequest:comment_created', {
      comment: { content: { raw: text } },
      actor: { nickname: 'ann' },
    }),
    marked,
  );
  assert.equal(await meta('github', 'issue_comment', said('I am a person')), { actor_kind: 'person' });
});

test('a login that the configuration calls ours is "self", but for what machinery says', async () => {
  const self = ['acme-*'];
  const from = (login: string): Json => ({ ...said('Hello'), sender: { login } });
  assert.equal(await meta('github', 'issue_comment', from('acme-agent'), { self }), { actor_kind: 'self' });
  assert.equal(await meta('github', 'issue_comment', from('ann'), { self }), { actor_kind: 'person' });
  const check = { action: 'completed', check_run: { conclusion: 'failure' }, sender: { login: 'acme-agent' } };
  assert.equal(await meta('github', 'check_run', check, { self }), { actor_kind: 'system' });
});

test('a push is asked about among the runs that live; nothing else is', async () => {
  const asked: string[] = [];
  const madeBy = (sha: string): Promise<string | undefined> => {
    asked.push(sha);
    return Promise.resolve(sha === 'a'.repeat(40) ? RUN : undefined);
  };
  const push = (after: string): Json => ({ ref: 'refs/heads/main', after, sender: { login: 'ann' } });
  assert.equal(await meta('github', 'push', push('a'.repeat(40)), { madeBy }), { actor_kind: 'person', made_by: RUN });
  assert.equal(await meta('github', 'push', push('b'.repeat(40)), { madeBy }), { actor_kind: 'person' });
  const merged = { action: 'closed', pull_request: { merged: true, head: { sha: 'a'.repeat(40) } } };
  assert.equal(await meta('github', 'pull_request', merged, { madeBy }), { actor_kind: 'person' });
  assert.equal(asked, ['a'.repeat(40), 'b'.repeat(40)]);
});

test.run();
