import { createHash } from 'node:crypto';
import { textAt } from '../json.js';
import { gitlab as verifier } from '../verifiers/gitlab.js';
import { headerOf } from '../verifiers/verifier.js';
import { table, type Provider, type Row } from './provider.js';

const NO_COMMIT = '0'.repeat(40);
type Fields = NonNullable<Row['data']>;
const everywhere: Fields = {
  repository: 'project.path_with_namespace',
  sender: ['user_username', 'user.username', 'user_name'],
};

const mergeRequest: Fields = {
  ...everywhere,
  number: 'object_attributes.iid',
  title: 'object_attributes.title',
  branch: 'object_attributes.source_branch',
  base: 'object_attributes.target_branch',
  sha: 'object_attributes.last_commit.id',
  head_repository: 'object_attributes.source.path_with_namespace',
  author: 'object_attributes.last_commit.author.name',
  draft: ['object_attributes.draft', 'object_attributes.work_in_progress'],
  labels: { from: 'labels', each: 'title' },
  html_url: 'object_attributes.url',
};

const pipeline: Fields = {
  ...everywhere,
  conclusion: 'object_attributes.status',
  name: ['object_attributes.name', 'object_attributes.source'],
  branch: 'object_attributes.ref',
  sha: 'object_attributes.sha',
  number: 'merge_request.iid',
  failed_jobs: { from: 'builds', each: 'name' },
  html_url: ['object_attributes.url', 'commit.url'],
};

const issue: Fields = {
  ...everywhere,
  number: 'object_attributes.iid',
  title: 'object_attributes.title',
  text: { from: 'object_attributes.description', most: 4_000 },
  labels: { from: 'labels', each: 'title' },
  html_url: 'object_attributes.url',
};

const rows: readonly Row[] = [
  {
    on: ['push', 'tag_push'],
    match: { after: { exists: true, not: NO_COMMIT } },
    type: 'CODE_PUSHED',
    body: '{pusher} pushed to {repository} {branch|tag|ref}, {commit_count} commits',
    written: { from: 'commits', last: 1, each: 'message', most: 16_000 },
    data: {
      ...everywhere,
      ref: 'ref',
      branch: { from: 'ref', after: 'refs/heads/' },
      tag: { from: 'ref', after: 'refs/tags/' },
      sha: ['checkout_sha', 'after'],
      before: 'before',
      pusher: ['user_username', 'user_name'],
      commits: {
        from: 'commits',
        last: 20,
        most: 500,
        each: { id: 'id', message: 'message', author: 'author.name' },
      },
      commit_count: ['total_commits_count'],
      html_url: ['project.web_url'],
    },
  },
  {
    on: 'merge_request',
    match: { 'object_attributes.action': 'open' },
    type: 'PR_OPENED',
    body: 'Merge request !{number} opened: {title}',
    written: 'object_attributes.description',
    data: mergeRequest,
  },
  {
    on: 'merge_request',
    match: { 'object_attributes.action': 'reopen' },
    type: 'PR_OPENED',
    body: 'Merge request !{number} opened: {title}',
    data: mergeRequest,
  },
  {
    on: 'merge_request',
    // Only an update that brought commits names the one before.
    match: { 'object_attributes.action': 'update', 'object_attributes.oldrev': { exists: true } },
    type: 'PR_UPDATED',
    body: 'Merge request !{number} has new commits: {title}',
    data: { ...mergeRequest, before: 'object_attributes.oldrev' },
  },
  {
    on: 'merge_request',
    match: { 'object_attributes.action': 'merge' },
    type: 'PR_MERGED',
    body: 'Merge request !{number} merged into {base}: {title}',
    data: { ...mergeRequest, merge_sha: 'object_attributes.merge_commit_sha' },
  },
  {
    on: 'merge_request',
    match: { 'object_attributes.action': 'close' },
    type: 'PR_CLOSED',
    body: 'Merge request !{number} closed: {title}',
    data: mergeRequest,
  },
  {
    on: 'merge_request',
    match: { 'object_attributes.action': ['approved', 'approval'] },
    type: 'PR_REVIEWED',
    body: '{sender} reviewed merge request !{number}: approved',
    data: { ...mergeRequest, state: { value: 'approved' } },
  },
  {
    on: 'pipeline',
    match: { 'object_attributes.status': 'failed' },
    type: 'TEST_FAILED',
    system: true,
    body: 'A pipeline failed on {repository} {branch}',
    data: pipeline,
  },
  {
    on: 'pipeline',
    match: { 'object_attributes.status': 'success' },
    type: 'TEST_PASSED',
    system: true,
    body: 'A pipeline passed on {repository} {branch}',
    data: pipeline,
  },
  {
    on: ['issue', 'work_item'],
    match: { 'object_attributes.action': 'open' },
    type: 'ISSUE_OPENED',
    body: 'Issue #{number} opened: {title}',
    written: 'object_attributes.description',
    data: issue,
  },
  {
    on: ['issue', 'work_item'],
    match: { 'object_attributes.action': 'reopen' },
    type: 'ISSUE_OPENED',
    body: 'Issue #{number} opened: {title}',
    data: issue,
  },
  {
    on: ['issue', 'work_item'],
    match: { 'object_attributes.action': 'close' },
    type: 'ISSUE_CLOSED',
    body: 'Issue #{number} closed: {title}',
    data: issue,
  },
  {
    on: 'note',
    type: 'COMMENT_ADDED',
    body: '{sender} commented on #{number}: {title}',
    written: 'object_attributes.note',
    data: {
      ...everywhere,
      number: ['merge_request.iid', 'issue.iid'],
      title: ['merge_request.title', 'issue.title'],
      text: { from: 'object_attributes.note', most: 4_000 },
      sha: 'commit.id',
      path: 'object_attributes.position.new_path',
      html_url: 'object_attributes.url',
    },
  },
  {
    on: 'release',
    match: { action: 'create' },
    type: 'RELEASE_PUBLISHED',
    body: '{repository} released {tag}',
    written: 'description',
    data: { ...everywhere, tag: 'tag', name: 'name', text: { from: 'description', most: 4_000 }, html_url: 'url' },
  },
  {
    on: 'deployment',
    match: { status: 'failed' },
    type: 'DEPLOYMENT_FAILED',
    system: true,
    body: 'Deployment of {repository} to {environment} failed',
    data: {
      ...everywhere,
      state: 'status',
      environment: 'environment',
      sha: 'short_sha',
      ref: 'ref',
      html_url: 'deployable_url',
    },
  },
];

export const gitlab: Provider = {
  verifier,
  eventOf: ({ payload }) => textAt(payload, 'object_kind') ?? textAt(payload, 'event_name') ?? '',
  deliveryOf({ headers, rawBody }) {
    const key = headerOf(headers, 'webhook-id') ?? headerOf(headers, 'idempotency-key');
    if (key !== undefined) return key;
    // An older GitLab has only an id that events of one chain share: with the body it tells them apart.
    const event = headerOf(headers, 'x-gitlab-event-uuid');
    return event === undefined ? undefined : `${event}:${createHash('sha256').update(rawBody).digest('hex')}`;
  },
  headersOf: (event, delivery) => ({ 'x-gitlab-event': event, 'idempotency-key': delivery }),
  rows: table(rows),
  actor: ['user_username', 'user.username', 'user_name', 'user.name'],
  isBot: (payload) =>
    /^(project|group)_\d+_bot(_|$)/.test(textAt(payload, 'user_username') ?? textAt(payload, 'user.username') ?? ''),
};
