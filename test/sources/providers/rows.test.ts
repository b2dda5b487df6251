import { createRequire } from 'node:module';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Json } from '../../../src/sources/json.js';
import { compileMapping } from '../../../src/sources/mapping.js';
import { KNOWN } from '../../../src/sources/providers/providers.js';

type Name = keyof typeof KNOWN;
type Case = readonly [event: string, payload: Json, type: string, data: Json];

const sent = createRequire(import.meta.url)('@octokit/webhooks-examples/api.github.com/index.json') as {
  name: string;
  examples: Json[];
}[];
/** A payload that GitHub was seen to send, with some fields of it changed. */
const seen = (event: string, change: Json = {}, fits: (payload: Json) => boolean = () => true): Json => {
  const found = sent.find(({ name }) => name === event)?.examples.find(fits);
  if (!found) throw new Error(`GitHub was not seen to send such a ${event}`);
  return { ...found, ...change };
};
const merge = (payload: Json, key: string, change: Json): Json => ({
  ...payload,
  [key]: { ...(payload[key] as Json), ...change },
});

const sha = 'c'.repeat(40);
const hub = { repository: 'Codertocat/Hello-World', sender: 'Codertocat' };
const pull = { ...hub, number: 2, branch: 'changes', base: 'master' };
const pullRequest = (action: string, change: Json = {}): Json =>
  merge(
    seen('pull_request', { action }, (one) => one['number'] === 2),
    'pull_request',
    change,
  );
const issue = { ...hub, number: 1, title: 'Spelling error in the README file', author: 'Codertocat' };
const issues = (action: string): Json => seen('issues', { action }, (one) => (one['issue'] as Json)['number'] === 1);
const repository = { full_name: 'Codertocat/Hello-World' };
const sender = { login: 'Codertocat', type: 'User' };
const run = { conclusion: 'failure', head_branch: 'main', head_sha: sha, name: 'build', app: { name: 'CI' } };

const GITHUB: readonly Case[] = [
  [
    'push',
    seen('push', { ref: 'refs/heads/main', after: sha, deleted: false }),
    'CODE_PUSHED',
    { branch: 'main', sha },
  ],
  ['pull_request', pullRequest('opened'), 'PR_OPENED', pull],
  ['pull_request', pullRequest('reopened'), 'PR_OPENED', pull],
  ['pull_request', { ...pullRequest('synchronize'), before: sha }, 'PR_UPDATED', { ...pull, before: sha }],
  [
    'pull_request',
    pullRequest('closed', { merged: true, merge_commit_sha: sha }),
    'PR_MERGED',
    { ...pull, merge_sha: sha },
  ],
  ['pull_request', pullRequest('closed', { merged: false }), 'PR_CLOSED', pull],
  ['pull_request', { ...pullRequest('labeled'), label: { name: 'bug' } }, 'PR_LABELED', { ...pull, label: 'bug' }],
  [
    'pull_request_review',
    merge(seen('pull_request_review', { action: 'submitted' }), 'review', { state: 'approved', body: 'good' }),
    'PR_REVIEWED',
    { ...hub, state: 'approved', text: 'good' },
  ],
  ['issue_comment', seen('issue_comment', { action: 'created' }), 'COMMENT_ADDED', { ...hub, number: 1 }],
  ['issues', issues('opened'), 'ISSUE_OPENED', issue],
  ['issues', issues('reopened'), 'ISSUE_OPENED', issue],
  ['issues', { ...issues('labeled'), label: { name: 'bug' } }, 'ISSUE_LABELED', { ...issue, label: 'bug' }],
  ['issues', issues('closed'), 'ISSUE_CLOSED', issue],
  ...['check_run', 'check_suite', 'workflow_run'].map((event): Case => [
    event,
    { action: 'completed', repository, sender, [event]: run },
    'TEST_FAILED',
    { ...hub, conclusion: 'failure', branch: 'main', sha, name: event === 'check_suite' ? 'CI' : 'build' },
  ]),
  [
    'workflow_run',
    { action: 'completed', repository, sender, workflow_run: { ...run, conclusion: 'success' } },
    'TEST_PASSED',
    { conclusion: 'success', branch: 'main', sha },
  ],
  [
    'status',
    seen('status', { state: 'failure', context: 'ci', sha, branches: [{ name: 'main' }] }),
    'TEST_FAILED',
    { ...hub, conclusion: 'failure', name: 'ci', branch: 'main', sha },
  ],
  [
    'code_scanning_alert',
    merge(seen('code_scanning_alert', { action: 'created', ref: 'refs/heads/main' }), 'alert', {
      rule: { severity: 'warning', security_severity_level: 'high', description: 'A weak cipher' },
    }),
    'SECURITY_ALERT',
    { branch: 'main', number: 10, severity: 'high', summary: 'A weak cipher' },
  ],
  [
    'dependabot_alert',
    {
      action: 'created',
      repository,
      sender,
      alert: {
        number: 2,
        dependency: { package: { ecosystem: 'pip', name: 'django' } },
        security_advisory: { severity: 'high', summary: 'Directory traversal' },
      },
    },
    'SECURITY_ALERT',
    { ...hub, number: 2, package: 'django', severity: 'high', summary: 'Directory traversal' },
  ],
  [
    'release',
    seen('release', { action: 'published' }),
    'RELEASE_PUBLISHED',
    { ...hub, tag: '0.0.1', branch: 'master', prerelease: false },
  ],
  [
    'deployment_status',
    merge(seen('deployment_status'), 'deployment_status', { state: 'error', environment: 'production' }),
    'DEPLOYMENT_FAILED',
    { ...hub, state: 'error', environment: 'production', ref: 'master' },
  ],
];

const project = { path_with_namespace: 'acme/app', web_url: 'https://gitlab.example/acme/app' };
const user = { username: 'ann' };
const lab = { repository: 'acme/app', sender: 'ann' };
const mergeRequest = (action: string, more: Json = {}): Json => ({
  object_kind: 'merge_request',
  user,
  project,
  labels: [{ title: 'bug' }],
  object_attributes: {
    iid: 7,
    title: 'Fix',
    source_branch: 'fix',
    target_branch: 'main',
    last_commit: { id: sha },
    action,
    ...more,
  },
});
const merged = { ...lab, number: 7, title: 'Fix', branch: 'fix', base: 'main', sha, labels: ['bug'] };
const pipeline = (status: string): Json => ({ user, project, object_attributes: { status, ref: 'main', sha } });
const workItem = (action: string): Json => ({
  user,
  project,
  object_attributes: { iid: 3, title: 'Bug', description: 'it fails', action },
});
const opened = { ...lab, number: 3, title: 'Bug', text: 'it fails' };

const GITLAB: readonly Case[] = [
  [
    'push',
    { ref: 'refs/heads/main', after: sha, checkout_sha: sha, user_username: 'ann', project, total_commits_count: 4 },
    'CODE_PUSHED',
    { ...lab, branch: 'main', sha, pusher: 'ann', commit_count: 4 },
  ],
  ['merge_request', mergeRequest('open'), 'PR_OPENED', merged],
  ['merge_request', mergeRequest('reopen'), 'PR_OPENED', merged],
  ['merge_request', mergeRequest('update', { oldrev: sha }), 'PR_UPDATED', { ...merged, before: sha }],
  ['merge_request', mergeRequest('merge', { merge_commit_sha: sha }), 'PR_MERGED', { ...merged, merge_sha: sha }],
  ['merge_request', mergeRequest('close'), 'PR_CLOSED', merged],
  ['merge_request', mergeRequest('approved'), 'PR_REVIEWED', { ...merged, state: 'approved' }],
  ['pipeline', pipeline('failed'), 'TEST_FAILED', { ...lab, conclusion: 'failed', branch: 'main', sha }],
  ['pipeline', pipeline('success'), 'TEST_PASSED', { ...lab, conclusion: 'success', branch: 'main', sha }],
  ['issue', workItem('open'), 'ISSUE_OPENED', opened],
  ['work_item', workItem('reopen'), 'ISSUE_OPENED', opened],
  ['issue', workItem('close'), 'ISSUE_CLOSED', opened],
  [
    'note',
    { user, project, merge_request: { iid: 7, title: 'Fix' }, object_attributes: { note: 'hi', url: 'u' } },
    'COMMENT_ADDED',
    { ...lab, number: 7, title: 'Fix', text: 'hi', html_url: 'u' },
  ],
  [
    'release',
    { action: 'create', project, tag: 'v1', name: 'One', description: 'new', url: 'u' },
    'RELEASE_PUBLISHED',
    { repository: 'acme/app', tag: 'v1', name: 'One', text: 'new' },
  ],
  [
    'deployment',
    { status: 'failed', environment: 'production', short_sha: 'abc', ref: 'main', user, project },
    'DEPLOYMENT_FAILED',
    { ...lab, state: 'failed', environment: 'production', sha: 'abc', ref: 'main' },
  ],
];

const cloud = {
  repository: { full_name: 'acme/app' },
  actor: { nickname: 'ann' },
  pullrequest: {
    id: 7,
    title: 'Fix',
    source: { branch: { name: 'fix' }, commit: { hash: sha } },
    destination: { branch: { name: 'main' } },
    merge_commit: { hash: sha },
  },
};
const inCloud = { repository: 'acme/app', number: 7, title: 'Fix', branch: 'fix', base: 'main', sha };

const BITBUCKET: readonly Case[] = [
  [
    'repo:push',
    { ...cloud, push: { changes: [{ new: { name: 'main', type: 'branch', target: { hash: sha } } }] } },
    'CODE_PUSHED',
    { repository: 'acme/app', branch: 'main', sha, kind: 'branch' },
  ],
  [
    'repo:refs_changed',
    { ...cloud, changes: [{ type: 'UPDATE', ref: { id: 'refs/heads/main' }, fromHash: 'a', toHash: sha }] },
    'CODE_PUSHED',
    { branch: 'main', sha, before: 'a' },
  ],
  ['pullrequest:created', cloud, 'PR_OPENED', inCloud],
  ['pr:from_ref_updated', { ...cloud, previousFromHash: 'a' }, 'PR_UPDATED', { number: 7, before: 'a' }],
  ['pullrequest:updated', cloud, 'PR_UPDATED', inCloud],
  ['pullrequest:fulfilled', cloud, 'PR_MERGED', { ...inCloud, merge_sha: sha }],
  ['pullrequest:rejected', cloud, 'PR_CLOSED', inCloud],
  ['pullrequest:approved', cloud, 'PR_REVIEWED', { ...inCloud, state: 'approved' }],
  ['pullrequest:changes_request_created', cloud, 'PR_REVIEWED', { ...inCloud, state: 'changes_requested' }],
  [
    'pullrequest:comment_created',
    { ...cloud, comment: { content: { raw: 'hi' }, inline: { path: 'a.ts' } } },
    'COMMENT_ADDED',
    { number: 7, text: 'hi', path: 'a.ts' },
  ],
  [
    'repo:commit_status_updated',
    { ...cloud, commit_status: { state: 'FAILED', name: 'ci', refname: 'main', commit: { hash: sha } } },
    'TEST_FAILED',
    { conclusion: 'FAILED', name: 'ci', branch: 'main', sha },
  ],
  [
    'issue:created',
    { ...cloud, issue: { id: 3, title: 'Bug', content: { raw: 'it fails' } } },
    'ISSUE_OPENED',
    { repository: 'acme/app', number: 3, title: 'Bug', text: 'it fails' },
  ],
];

const payment = (type: string, more: Json = {}): Json => ({
  id: 'evt_1',
  type,
  livemode: false,
  data: { object: { id: 'in_1', object: 'invoice', customer: 'cus_1', amount_due: 1999, currency: 'eur', ...more } },
});
const paid = { id: 'in_1', customer: 'cus_1', amount: 1999, currency: 'eur', live: false };

const CASES: Record<Name, readonly Case[]> = {
  github: GITHUB,
  gitlab: GITLAB,
  bitbucket: BITBUCKET,
  gitea: [
    ...GITHUB,
    [
      'pull_request',
      { ...pullRequest('synchronized'), action: 'synchronized' },
      'PR_UPDATED',
      { number: 2, branch: 'changes', base: 'master' },
    ],
  ],
  stripe: [
    ['invoice.payment_failed', payment('invoice.payment_failed'), 'PAYMENT_FAILED', paid],
    ['checkout.session.completed', payment('checkout.session.completed'), 'PAYMENT_SUCCEEDED', paid],
    ['charge.dispute.created', payment('charge.dispute.created', { reason: 'fraudulent' }), 'PAYMENT_DISPUTED', paid],
    ['customer.created', payment('customer.created'), 'STRIPE_CUSTOMER_CREATED', { event: 'customer.created' }],
  ],
  slack: [
    [
      'app_mention',
      { event: { type: 'app_mention', text: 'hi', user: 'U1', channel: 'C1' } },
      'MENTIONED',
      { text: 'hi' },
    ],
    ['message', { event: { type: 'message', text: 'hi', user: 'U1', channel: 'C1' } }, 'CHAT_MESSAGE', { user: 'U1' }],
    [
      'command',
      { command: '/deploy', text: 'app', user_id: 'U1' },
      'CHAT_COMMAND',
      { command: '/deploy', text: 'app' },
    ],
    [
      'reaction_added',
      { event: { type: 'reaction_added', user: 'U1', reaction: 'eyes', item: { channel: 'C1' } } },
      'SLACK_REACTION_ADDED',
      { value: 'eyes', channel: 'C1' },
    ],
    [
      'block_actions',
      { type: 'block_actions', user: { id: 'U1' }, actions: [{ action_id: 'ok' }] },
      'SLACK_BLOCK_ACTIONS',
      { action: 'ok' },
    ],
  ],
  'standard-webhooks': [],
};

for (const [name, cases] of Object.entries(CASES)) {
  const { rows } = KNOWN[name as Name];
  test(`${name}: every row of its table is shown by a payload, and tells what it holds`, () => {
    const read = compileMapping(rows);
    const alone = rows.map((row) => compileMapping([row]));
    const shown = new Set<number>();
    for (const [event, payload, type, data] of cases) {
      const [told] = read(event, payload);
      assert.is(told?.type, type, event);
      for (const [field, value] of Object.entries(data)) assert.equal(told?.data[field], value, `${type} ${field}`);
      assert.ok(told!.body.length > 5 && !/[{}]/.test(told!.body), `${type}: ${told!.body}`);
      shown.add(alone.findIndex((one) => one(event, payload).length > 0));
    }
    const missing = rows.flatMap(({ on, type }, index) =>
      shown.has(index) ? [] : [`${on.join(' ')} → ${JSON.stringify(type)}`],
    );
    assert.equal(missing, []);
  });
}

test.run();
