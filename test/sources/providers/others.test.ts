import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConductorError } from '../../../src/core/errors.js';
import { webhookSchema } from '../../../src/core/webhook.js';
import { createEndpoint, draftsOf, readingOf } from '../../../src/sources/deliveries.js';
import type { Json } from '../../../src/sources/json.js';
import { providerOf } from '../../../src/sources/providers/providers.js';

const sha = 'c'.repeat(40);
const gone = '0'.repeat(40);
const blobs = { put: () => Promise.reject(new Error('nothing is that large')), get: () => Promise.resolve(undefined) };

const told = async (
  name: string,
  payload: Json,
  headers: Record<string, string> = {},
  options: Record<string, unknown> = {},
) => {
  const config = webhookSchema.parse({ secret_file: 's', ...options });
  const endpoint = createEndpoint(name, providerOf(name, config), config);
  const rawBody = Buffer.from(JSON.stringify(payload));
  return draftsOf(readingOf(endpoint, { headers, rawBody, payload }), rawBody, { blobs });
};

const project = { path_with_namespace: 'acme/app', web_url: 'https://example.org' };
const user = { username: 'ann' };
const merge = { iid: 7, title: 'Fix', source_branch: 'fix', target_branch: 'main', last_commit: { id: sha } };
const cloud = { repository: { full_name: 'acme/app' }, actor: { nickname: 'ann' } };
const pullrequest = {
  id: 7,
  title: 'Fix',
  source: { branch: { name: 'fix' }, commit: { hash: sha } },
  destination: { branch: { name: 'main' } },
};
const gitea = { repository: { full_name: 'acme/app' }, sender: { login: 'ann' } };
const giteaPull = { number: 7, title: 'Fix', head: { ref: 'fix', sha }, base: { ref: 'main' }, user: { login: 'ann' } };
const key = (event: string) => ({ 'x-event-key': event, 'x-request-uuid': 'u' });
const hook = (event: string) => ({ 'x-gitea-event': event, 'x-gitea-delivery': 'g' });

/** Provider, what it sends, and what must be told: type and some fields of data. */
const TABLE: readonly [string, string, Json, Record<string, string>, string | undefined, Json][] = [
  [
    'gitlab',
    'push',
    {
      object_kind: 'push',
      ref: 'refs/heads/a/b',
      after: sha,
      checkout_sha: sha,
      user_username: 'ann',
      project,
      commits: [],
    },
    { 'idempotency-key': 'k' },
    'CODE_PUSHED',
    { branch: 'a/b', sha, repository: 'acme/app', pusher: 'ann' },
  ],
  [
    'gitlab',
    'tag',
    { object_kind: 'tag_push', ref: 'refs/tags/v1', after: sha, checkout_sha: sha, project },
    { 'idempotency-key': 'k' },
    'CODE_PUSHED',
    { tag: 'v1' },
  ],
  ['gitlab', 'deleted branch', { object_kind: 'push', ref: 'refs/heads/x', after: gone, project }, {}, undefined, {}],
  [
    'gitlab',
    'opened merge request',
    { object_kind: 'merge_request', user, project, object_attributes: { ...merge, action: 'open' } },
    {},
    'PR_OPENED',
    { number: 7, branch: 'fix', base: 'main', sha, sender: 'ann' },
  ],
  [
    'gitlab',
    'update with commits',
    { object_kind: 'merge_request', user, project, object_attributes: { ...merge, action: 'update', oldrev: gone } },
    {},
    'PR_UPDATED',
    { before: gone },
  ],
  [
    'gitlab',
    'update of the title alone',
    { object_kind: 'merge_request', user, project, object_attributes: { ...merge, action: 'update' } },
    {},
    undefined,
    {},
  ],
  [
    'gitlab',
    'failed pipeline',
    {
      object_kind: 'pipeline',
      user,
      project,
      object_attributes: { status: 'failed', ref: 'main', sha },
      builds: [{ name: 'unit' }, { name: 'lint' }],
    },
    {},
    'TEST_FAILED',
    { branch: 'main', sha, failed_jobs: ['unit', 'lint'] },
  ],
  [
    'gitlab',
    'note',
    {
      object_kind: 'note',
      user,
      project,
      issue: { iid: 3, title: 'Bug' },
      object_attributes: { note: 'hi', url: 'u' },
    },
    {},
    'COMMENT_ADDED',
    { number: 3, text: 'hi' },
  ],
  [
    'bitbucket',
    'opened pull request',
    { ...cloud, pullrequest },
    key('pullrequest:created'),
    'PR_OPENED',
    { branch: 'fix', sha },
  ],
  [
    'bitbucket',
    'merged pull request',
    { ...cloud, pullrequest },
    key('pullrequest:fulfilled'),
    'PR_MERGED',
    { base: 'main' },
  ],
  [
    'bitbucket',
    'failed build',
    { ...cloud, commit_status: { state: 'FAILED', name: 'ci', refname: 'main', commit: { hash: sha } } },
    key('repo:commit_status_updated'),
    'TEST_FAILED',
    { branch: 'main', sha, name: 'ci' },
  ],
  [
    'bitbucket',
    'build that passed',
    { ...cloud, commit_status: { state: 'SUCCESSFUL' } },
    key('repo:commit_status_updated'),
    undefined,
    {},
  ],
  [
    'bitbucket',
    'push to the data center',
    {
      actor: { name: 'ann' },
      repository: { slug: 'app' },
      changes: [{ ref: { id: 'refs/heads/main' }, type: 'UPDATE', fromHash: gone, toHash: sha }],
    },
    key('repo:refs_changed'),
    'CODE_PUSHED',
    { branch: 'main', sha, pusher: 'ann' },
  ],
  [
    'gitea',
    'push',
    { ...gitea, ref: 'refs/heads/main', after: sha, commits: [] },
    hook('push'),
    'CODE_PUSHED',
    { branch: 'main', sha },
  ],
  [
    'gitea',
    'opened pull request',
    { ...gitea, action: 'opened', number: 7, pull_request: giteaPull },
    hook('pull_request'),
    'PR_OPENED',
    { number: 7, branch: 'fix' },
  ],
  [
    'gitea',
    'new commits',
    { ...gitea, action: 'synchronized', number: 7, pull_request: giteaPull },
    hook('pull_request'),
    'PR_UPDATED',
    { number: 7, sha },
  ],
  [
    'stripe',
    'failed payment',
    {
      id: 'evt_1',
      type: 'payment_intent.payment_failed',
      data: { object: { id: 'pi_1', amount: 500, currency: 'eur', last_payment_error: { message: 'declined' } } },
    },
    {},
    'PAYMENT_FAILED',
    { amount: 500, currency: 'eur', reason: 'declined', id: 'pi_1' },
  ],
  [
    'slack',
    'mention',
    {
      event_id: 'Ev1',
      type: 'event_callback',
      event: { type: 'app_mention', user: 'U1', channel: 'C1', text: 'hello' },
    },
    {},
    'MENTIONED',
    { user: 'U1', channel: 'C1', text: 'hello' },
  ],
  [
    'slack',
    'slash command',
    { command: '/deploy', text: 'prod', user_id: 'U1', channel_id: 'C1', trigger_id: 't' },
    {},
    'CHAT_COMMAND',
    { command: '/deploy', text: 'prod', user: 'U1' },
  ],
  [
    'slack',
    'reaction',
    { event_id: 'Ev2', type: 'event_callback', event: { type: 'reaction_added', user: 'U1', reaction: 'eyes' } },
    {},
    'SLACK_REACTION_ADDED',
    { value: 'eyes' },
  ],
  ['slack', 'a type that only we say', { type: 'x', event: { type: '§' } }, {}, undefined, {}],
  [
    'standard-webhooks',
    'event',
    { type: 'user.created', timestamp: 't', data: { id: 'u' } },
    { 'webhook-id': 'm1' },
    'USER_CREATED',
    { id: 'u' },
  ],
];

for (const [provider, what, payload, headers, type, data] of TABLE) {
  test(`${provider}: ${what}`, async () => {
    const drafts = await told(provider, payload, headers);
    assert.is(drafts[0]?.type, type);
    if (drafts[0] === undefined) return;
    for (const [field, value] of Object.entries(data)) assert.equal(drafts[0].data?.[field], value, field);
    assert.is(drafts[0].trust, 'outside');
    assert.is(drafts[0].source, `webhook:${provider}`);
    assert.ok(provider === 'standard-webhooks' || (drafts[0].body?.length ?? 0) > 5);
  });
}

test('each provider has a delivery id that tells a repetition', async () => {
  const id = async (...given: Parameters<typeof told>): Promise<unknown> => (await told(...given))[0]?.dedupe_key;
  const push = { object_kind: 'push', ref: 'refs/heads/x', after: sha, project };
  assert.is(await id('gitlab', push, { 'idempotency-key': 'k', 'x-gitlab-event-uuid': 'e' }), 'webhook:gitlab:k');
  // Events of one chain share the id of an older GitLab: another body is another event.
  const older = { 'x-gitlab-event-uuid': 'e' };
  assert.is(await id('gitlab', push, older), await id('gitlab', push, older));
  assert.is.not(await id('gitlab', push, older), await id('gitlab', { ...push, before: sha }, older));
  assert.is(await id('bitbucket', { ...cloud, pullrequest }, key('pullrequest:created')), 'webhook:bitbucket:u');
  assert.is(await id('standard-webhooks', { type: 'a.b' }, { 'webhook-id': 'm1' }), 'webhook:standard-webhooks:m1');
  assert.is(await id('generic', { type: 'A' }, {}), undefined);
});

test('rows of a user come before those of the provider, and a generic sender can be described', async () => {
  const shop = {
    provider: 'generic',
    signature: { header: 'X-Shop-Hmac', encoding: 'base64' },
    event: { header: 'X-Shop-Topic' },
    delivery: { field: 'id' },
    events: [
      {
        on: 'orders/create',
        match: { total: { gt: 100 } },
        type: 'big_order',
        body: 'Order {number} of {who|email}: {total}',
        data: {
          number: 'name',
          email: ['customer.email', 'email'],
          total: 'total',
          items: { from: 'lines', each: 'sku' },
          lines: { from: 'lines', each: { sku: 'sku', count: ['quantity', 'count'] }, last: 1 },
          kinds: { from: 'lines', count: true },
          shop: { value: 'main' },
        },
      },
    ],
  };
  const order = {
    id: 'o1',
    name: '#1',
    email: 'a@example.org',
    total: 120,
    lines: [
      { sku: 'x', quantity: 1 },
      { sku: 'y', count: 2 },
    ],
  };
  const topic = { 'x-shop-topic': 'orders/create' };
  const [draft] = await told('shop', order, topic, shop);
  assert.is(draft?.type, 'BIG_ORDER');
  assert.is(draft?.body, 'Order #1 of a@example.org: 120');
  assert.is(draft?.dedupe_key, 'webhook:shop:o1');
  assert.equal(draft?.data, {
    number: '#1',
    email: 'a@example.org',
    total: 120,
    items: ['x', 'y'],
    lines: [{ sku: 'y', count: 2 }],
    kinds: 2,
    shop: 'main',
  });
  assert.equal(await told('shop', { ...order, total: 9 }, topic, shop), []);
  const events = [{ on: 'push', type: 'MY_PUSH', data: { at: 'after' } }];
  assert.is((await told('github', { after: sha }, { 'x-github-event': 'push' }, { events }))[0]?.type, 'MY_PUSH');
  assert.is(
    (await told('github', { ref: 'refs/tags/v', after: sha }, { 'x-github-event': 'push' }, {}))[0]?.type,
    'CODE_PUSHED',
  );
});

const wrong: [string, Record<string, unknown>, RegExp][] = [
  ['a reserved type', { events: [{ on: 'x', type: 'RUN_STOP' }] }, /conductor alone/],
  ['no type', { events: [{ on: 'x' }] }, /type/],
  ['a misspelt key', { events: [{ on: 'x', type: 'A', dat: {} }] }, /dat/],
  ['three secrets', { secret_file: ['a', 'b', 'c'] }, /2/],
  ['an unknown provider', { provider: 'svn' }, /github/],
];
for (const [what, options, message] of wrong) {
  test(`a configuration with ${what} is refused`, () => {
    const result = webhookSchema.safeParse({ secret_file: 's', ...options });
    assert.not(result.success);
    assert.match(result.error?.message ?? '', message);
  });
}

test('a CloudEvent in binary mode is told by its headers, where the sender may say our types', async () => {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': '7',
    'ce-source': '/ci/build%20farm',
    'ce-type': 'com.acme.deployed',
  };
  for (const options of [{ provider: 'generic' }, { provider: 'standard-webhooks' }]) {
    const [draft] = await told('acme', { stage: 'live', type: 'ignored' }, headers, options);
    assert.is(draft?.type, 'COM_ACME_DEPLOYED');
    assert.equal(draft?.data, { stage: 'live', type: 'ignored' });
    assert.is(draft?.dedupe_key, 'webhook:acme:/ci/build farm#7');
    assert.is(draft?.trust, 'outside');
    assert.equal(draft?.meta, { actor_kind: 'person' });
  }
  const row = { on: 'com.acme.deployed', type: 'DEPLOYED', data: { stage: 'data.stage', from: 'source' } };
  const [mapped] = await told('acme', { stage: 'live' }, headers, { provider: 'generic', events: [row] });
  assert.equal([mapped?.type, mapped?.data], ['DEPLOYED', { stage: 'live', from: '/ci/build farm' }]);
  const refused = async (changed: Record<string, string>, why: string): Promise<void> => {
    const error = await told('acme', {}, { ...headers, ...changed }, { provider: 'generic' }).catch(
      (one: unknown) => one,
    );
    assert.instance(error, ConductorError);
    assert.match((error as ConductorError).message, why);
    assert.ok((error as ConductorError).status < 500);
  };
  await refused({ 'ce-specversion': '0.3' }, 'ce-specversion: only 1.0');
  await refused({ 'ce-id': '' }, 'ce-id: is missing');
  await refused({ 'ce-source': '%zz' }, 'ce-source: is not percent-encoded');
  await refused({ 'ce-type': 'run.start' }, 'RUN_START is said by the conductor alone');
});

test('a CloudEvent is the same in both modes: id and source are asked for, subject and time are kept', async () => {
  const attributes = {
    specversion: '1.0',
    id: '7',
    source: '/ci',
    type: 'com.acme.deployed',
    subject: 'Größe 🎉',
    time: '2026-01-01T00:00:00Z',
    actor: 'ann',
  };
  const data = { stage: 'live' };
  const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
  const binary = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`ce-${name}`, encodeURIComponent(value)]),
  );
  const row = { on: 'com.acme.deployed', type: 'DEPLOYED', data: { of: 'subject', stage: 'data.stage' } };
  for (const provider of ['generic', 'standard-webhooks']) {
    const modes = [
      await told('acme', { ...attributes, data }, structured, { provider }),
      await told('acme', data, binary, { provider }),
    ];
    assert.equal(modes[0], modes[1]);
    const [draft] = modes[0] ?? [];
    assert.is(draft?.dedupe_key, 'webhook:acme:/ci#7');
    assert.is(draft?.actor, 'ann');
    assert.equal(draft?.data, data);
    assert.equal(draft?.meta, {
      actor_kind: 'person',
      subject: 'Größe 🎉',
      time: '2026-01-01T00:00:00Z',
      actor: 'ann',
    });
    const [mapped] = await told('acme', { ...attributes, data }, structured, { provider, events: [row] });
    assert.equal(mapped?.data, { of: 'Größe 🎉', stage: 'live' });
    assert.is(mapped?.meta?.['subject'], 'Größe 🎉');
  }
  const refused = async (payload: Json, headers: Record<string, string>, code: string, why: RegExp): Promise<void> => {
    const error = await told('acme', payload, headers, { provider: 'generic' }).catch((one: unknown) => one);
    assert.instance(error, ConductorError);
    assert.is((error as ConductorError).code, code);
    assert.match((error as ConductorError).message, why);
  };
  for (const name of ['specversion', 'id', 'source', 'type']) {
    const { [name]: _, ...less } = { ...attributes, data } as Json;
    await refused(less, structured, 'bad_request', new RegExp(`^${name}: is missing`));
    const { [`ce-${name}`]: __, ...lessHeaders } = binary;
    await refused(data, lessHeaders, 'bad_request', new RegExp(`^ce-${name}: is missing`));
  }
  const batch = { 'content-type': 'application/cloudevents-batch+json' };
  await refused({}, batch, 'unsupported_media_type', /one at a time/);
});

test('a webhook must say its provider, and only a generic one how it signs', () => {
  const refused = (name: string, options: Parameters<typeof providerOf>[1], message: RegExp): void =>
    assert.throws(
      () => providerOf(name, options),
      (error: unknown) =>
        error instanceof ConductorError && error.code === 'configuration' && message.test(error.message),
    );
  refused('ours', {}, /webhooks\.ours.*github/);
  refused('github', { signature: { header: 'x', algorithm: 'sha1', encoding: 'hex', prefix: '' } }, /generic/);
});

test.run();
