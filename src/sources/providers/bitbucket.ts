import { textAt } from '../json.js';
import { bitbucket as verifier } from '../verifiers/bitbucket.js';
import { headerOf } from '../verifiers/verifier.js';
import { table, type Provider, type Row } from './provider.js';

type Fields = NonNullable<Row['data']>;
const ACTOR = ['actor.nickname', 'actor.name', 'actor.display_name', 'actor.username'];
const everywhere: Fields = { repository: ['repository.full_name', 'repository.slug'], sender: ACTOR };

/** The cloud and the data center call the same things by other names; the first path that is there counts. */
const pullRequest: Fields = {
  ...everywhere,
  repository: ['repository.full_name', 'pullRequest.toRef.repository.slug'],
  number: ['pullrequest.id', 'pullRequest.id'],
  title: ['pullrequest.title', 'pullRequest.title'],
  branch: ['pullrequest.source.branch.name', 'pullRequest.fromRef.displayId'],
  base: ['pullrequest.destination.branch.name', 'pullRequest.toRef.displayId'],
  sha: ['pullrequest.source.commit.hash', 'pullRequest.fromRef.latestCommit'],
  head_repository: ['pullrequest.source.repository.full_name', 'pullRequest.fromRef.repository.slug'],
  author: ['pullrequest.author.nickname', 'pullrequest.author.display_name', 'pullRequest.author.user.name'],
  draft: ['pullrequest.draft', 'pullRequest.draft'],
  html_url: ['pullrequest.links.html.href', 'pullRequest.links.self.0.href'],
};

const pull = (on: string[], type: string, body: string, more: Fields = {}, written?: string[]): Row => ({
  on,
  type,
  body: `Pull request #{number} ${body}: {title}`,
  ...(written ? { written } : {}),
  data: { ...pullRequest, ...more },
});

const rows: readonly Row[] = [
  {
    on: 'repo:push',
    for_each: 'push.changes',
    // A branch that is gone has nothing new.
    match: { 'item.new.target.hash': { exists: true } },
    type: 'CODE_PUSHED',
    body: '{pusher} pushed to {repository} {branch|ref}',
    written: 'item.new.target.message',
    data: {
      ...everywhere,
      ref: 'item.new.name',
      branch: 'item.new.name',
      kind: 'item.new.type',
      sha: 'item.new.target.hash',
      before: 'item.old.target.hash',
      forced: 'item.forced',
      pusher: ACTOR,
      commits: {
        from: 'item.commits',
        most: 500,
        each: { id: 'hash', message: 'message', author: ['author.user.nickname', 'author.raw'] },
      },
      html_url: 'item.links.html.href',
    },
  },
  {
    on: 'repo:refs_changed',
    for_each: 'changes',
    match: { 'item.type': { not: 'DELETE' }, 'item.toHash': { exists: true } },
    type: 'CODE_PUSHED',
    body: '{pusher} pushed to {repository} {branch|ref}',
    data: {
      ...everywhere,
      ref: 'item.ref.id',
      branch: { from: 'item.ref.id', after: 'refs/heads/' },
      tag: { from: 'item.ref.id', after: 'refs/tags/' },
      sha: 'item.toHash',
      before: 'item.fromHash',
      pusher: ACTOR,
    },
  },
  pull(['pullrequest:created', 'pr:opened'], 'PR_OPENED', 'opened', {}, [
    'pullrequest.description',
    'pullrequest.summary.raw',
    'pullRequest.description',
  ]),
  pull(['pr:from_ref_updated'], 'PR_UPDATED', 'has new commits', { before: 'previousFromHash' }),
  pull(['pullrequest:updated'], 'PR_UPDATED', 'was changed'),
  pull(['pullrequest:fulfilled', 'pr:merged'], 'PR_MERGED', 'merged', {
    merge_sha: ['pullrequest.merge_commit.hash', 'pullRequest.properties.mergeCommit.id'],
  }),
  pull(['pullrequest:rejected', 'pr:declined', 'pr:deleted'], 'PR_CLOSED', 'closed'),
  pull(['pullrequest:approved', 'pr:reviewer:approved'], 'PR_REVIEWED', 'approved', { state: { value: 'approved' } }),
  pull(['pullrequest:changes_request_created', 'pr:reviewer:needs_work'], 'PR_REVIEWED', 'needs work', {
    state: { value: 'changes_requested' },
  }),
  pull(
    ['pullrequest:comment_created', 'pr:comment:added'],
    'COMMENT_ADDED',
    'has a comment',
    {
      text: { from: ['comment.content.raw', 'comment.text'], most: 4_000 },
      path: 'comment.inline.path',
      html_url: 'comment.links.html.href',
    },
    ['comment.content.raw', 'comment.text'],
  ),
  {
    on: ['repo:commit_status_created', 'repo:commit_status_updated'],
    match: { 'commit_status.state': ['FAILED', 'STOPPED'] },
    type: 'TEST_FAILED',
    system: true,
    body: '{name} ended with {conclusion} on {repository} {branch}',
    data: {
      ...everywhere,
      conclusion: 'commit_status.state',
      name: ['commit_status.name', 'commit_status.key'],
      branch: 'commit_status.refname',
      sha: 'commit_status.commit.hash',
      description: 'commit_status.description',
      html_url: 'commit_status.url',
    },
  },
  {
    on: 'issue:created',
    type: 'ISSUE_OPENED',
    body: 'Issue #{number} opened: {title}',
    written: 'issue.content.raw',
    data: {
      ...everywhere,
      number: 'issue.id',
      title: 'issue.title',
      text: { from: 'issue.content.raw', most: 4_000 },
      html_url: 'issue.links.html.href',
    },
  },
];

export const bitbucket: Provider = {
  verifier,
  eventOf: ({ headers }) => headerOf(headers, 'x-event-key') ?? '',
  deliveryOf: ({ headers }) => headerOf(headers, 'x-request-uuid') ?? headerOf(headers, 'x-request-id'),
  headersOf: (event, delivery) => ({ 'x-event-key': event, 'x-request-uuid': delivery }),
  rows: table(rows),
  actor: ACTOR,
  isBot: (payload) => textAt(payload, 'actor.type') === 'app_user',
};
