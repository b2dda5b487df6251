import { textAt } from '../json.js';
import { github as verifier } from '../verifiers/github.js';
import { headerOf } from '../verifiers/verifier.js';
import { table, type Provider, type Row } from './provider.js';

const FAILED = ['failure', 'error', 'timed_out', 'startup_failure'];
const NO_COMMIT = '0'.repeat(40);

type Fields = NonNullable<Row['data']>;
const everywhere: Fields = { repository: 'repository.full_name', sender: 'sender.login' };

const pullRequest: Fields = {
  ...everywhere,
  number: ['number', 'pull_request.number'],
  title: 'pull_request.title',
  branch: 'pull_request.head.ref',
  base: 'pull_request.base.ref',
  sha: 'pull_request.head.sha',
  head_repository: 'pull_request.head.repo.full_name',
  author: 'pull_request.user.login',
  draft: 'pull_request.draft',
  labels: { from: 'pull_request.labels', each: 'name' },
  diff_url: 'pull_request.diff_url',
  html_url: 'pull_request.html_url',
};

const issue: Fields = {
  ...everywhere,
  number: 'issue.number',
  title: 'issue.title',
  text: { from: 'issue.body', most: 4_000 },
  author: 'issue.user.login',
  labels: { from: 'issue.labels', each: 'name' },
  label: 'label.name',
  html_url: 'issue.html_url',
};

/** check_run, check_suite and workflow_run say the same under a key of their own name. */
const check = (key: string, name: string): Fields => ({
  ...everywhere,
  conclusion: `${key}.conclusion`,
  name,
  branch: [`${key}.head_branch`, `${key}.check_suite.head_branch`],
  sha: `${key}.head_sha`,
  number: `${key}.pull_requests.0.number`,
  attempt: `${key}.run_attempt`,
  html_url: [`${key}.html_url`, `${key}.details_url`],
});
const NAMES = { check_run: 'check_run.name', check_suite: 'check_suite.app.name', workflow_run: 'workflow_run.name' };

const completed: readonly Row[] = Object.entries(NAMES).map(([key, name]) => ({
  on: key,
  match: { action: 'completed', [`${key}.conclusion`]: FAILED },
  type: 'TEST_FAILED',
  system: true,
  body: '{name} ended with {conclusion} on {repository} {branch}',
  data: check(key, name),
}));

const alert: Fields = {
  ...everywhere,
  number: 'alert.number',
  severity: ['alert.security_advisory.severity', 'alert.rule.security_severity_level', 'alert.rule.severity'],
  summary: ['alert.security_advisory.summary', 'alert.rule.description', 'alert.secret_type'],
  package: 'alert.dependency.package.name',
  branch: { from: ['ref', 'alert.most_recent_instance.ref'], after: 'refs/heads/' },
  html_url: 'alert.html_url',
};

const rows: readonly Row[] = [
  {
    on: 'push',
    // A deleted branch is told as a push too, but there is no code in it to act on.
    match: { deleted: { not: true }, after: { exists: true, not: NO_COMMIT } },
    type: 'CODE_PUSHED',
    body: '{pusher} pushed to {repository} {branch|tag|ref}, {commit_count} commits',
    written: 'head_commit.message',
    data: {
      ...everywhere,
      ref: 'ref',
      branch: { from: 'ref', after: 'refs/heads/' },
      tag: { from: 'ref', after: 'refs/tags/' },
      sha: 'after',
      before: 'before',
      forced: 'forced',
      pusher: ['pusher.name', 'sender.login'],
      // The newest are last; they are the ones a reader wants.
      commits: {
        from: 'commits',
        last: 20,
        most: 500,
        each: { id: 'id', message: 'message', author: ['author.username', 'author.name'] },
      },
      commit_count: { from: 'commits', count: true },
      html_url: ['compare', 'head_commit.url'],
    },
  },
  {
    on: 'pull_request',
    match: { action: 'opened' },
    type: 'PR_OPENED',
    body: 'Pull request #{number} opened: {title}',
    written: 'pull_request.body',
    data: pullRequest,
  },
  {
    on: 'pull_request',
    match: { action: ['reopened', 'ready_for_review'] },
    type: 'PR_OPENED',
    body: 'Pull request #{number} opened: {title}',
    data: pullRequest,
  },
  {
    on: 'pull_request',
    match: { action: 'synchronize' },
    type: 'PR_UPDATED',
    body: 'Pull request #{number} has new commits: {title}',
    data: { ...pullRequest, before: 'before' },
  },
  {
    on: 'pull_request',
    match: { action: 'closed', 'pull_request.merged': true },
    type: 'PR_MERGED',
    body: 'Pull request #{number} merged into {base}: {title}',
    data: { ...pullRequest, merge_sha: 'pull_request.merge_commit_sha' },
  },
  {
    on: 'pull_request',
    match: { action: 'closed' },
    type: 'PR_CLOSED',
    body: 'Pull request #{number} closed: {title}',
    data: pullRequest,
  },
  {
    on: 'pull_request',
    match: { action: 'labeled' },
    type: 'PR_LABELED',
    body: 'Pull request #{number} has the label {label}: {title}',
    data: { ...pullRequest, label: 'label.name' },
  },
  {
    on: 'pull_request_review',
    match: { action: 'submitted' },
    type: 'PR_REVIEWED',
    body: '{sender} reviewed pull request #{number}: {state}',
    written: 'review.body',
    data: {
      ...pullRequest,
      state: 'review.state',
      text: { from: 'review.body', most: 4_000 },
      html_url: 'review.html_url',
    },
  },
  {
    on: ['issue_comment', 'pull_request_review_comment', 'commit_comment'],
    match: { action: 'created' },
    type: 'COMMENT_ADDED',
    body: '{sender} commented on #{number}: {title}',
    written: 'comment.body',
    data: {
      ...everywhere,
      number: ['issue.number', 'pull_request.number'],
      title: ['issue.title', 'pull_request.title'],
      text: { from: 'comment.body', most: 4_000 },
      sha: 'comment.commit_id',
      path: 'comment.path',
      line: 'comment.line',
      on_pull_request: ['issue.pull_request.url', 'pull_request.url'],
      html_url: 'comment.html_url',
    },
  },
  {
    on: 'issues',
    match: { action: 'opened' },
    type: 'ISSUE_OPENED',
    body: 'Issue #{number} opened: {title}',
    written: 'issue.body',
    data: issue,
  },
  {
    on: 'issues',
    match: { action: 'reopened' },
    type: 'ISSUE_OPENED',
    body: 'Issue #{number} opened: {title}',
    data: issue,
  },
  {
    on: 'issues',
    match: { action: 'labeled' },
    type: 'ISSUE_LABELED',
    body: 'Issue #{number} has the label {label}: {title}',
    data: issue,
  },
  {
    on: 'issues',
    match: { action: 'closed' },
    type: 'ISSUE_CLOSED',
    body: 'Issue #{number} closed: {title}',
    data: issue,
  },
  ...completed,
  {
    on: 'workflow_run',
    match: { action: 'completed', 'workflow_run.conclusion': 'success' },
    type: 'TEST_PASSED',
    system: true,
    body: '{name} passed on {repository} {branch}',
    data: check('workflow_run', NAMES.workflow_run),
  },
  {
    on: 'status',
    match: { state: FAILED },
    type: 'TEST_FAILED',
    system: true,
    body: '{name} ended with {conclusion} on {repository} {branch}',
    data: {
      ...everywhere,
      conclusion: 'state',
      name: 'context',
      branch: 'branches.0.name',
      sha: 'sha',
      description: 'description',
      html_url: 'target_url',
    },
  },
  {
    on: ['dependabot_alert', 'code_scanning_alert', 'secret_scanning_alert'],
    match: { action: ['created', 'reopened', 'appeared_in_branch', 'auto_reopened'] },
    type: 'SECURITY_ALERT',
    system: true,
    body: 'Security alert #{number} in {repository}: {summary}',
    data: alert,
  },
  {
    on: 'release',
    match: { action: 'published' },
    type: 'RELEASE_PUBLISHED',
    body: '{repository} released {tag}',
    written: 'release.body',
    data: {
      ...everywhere,
      tag: 'release.tag_name',
      name: 'release.name',
      branch: 'release.target_commitish',
      prerelease: 'release.prerelease',
      text: { from: 'release.body', most: 4_000 },
      html_url: 'release.html_url',
    },
  },
  {
    on: 'deployment_status',
    match: { 'deployment_status.state': ['failure', 'error'] },
    type: 'DEPLOYMENT_FAILED',
    system: true,
    body: 'Deployment of {repository} to {environment} ended with {state}',
    data: {
      ...everywhere,
      state: 'deployment_status.state',
      environment: ['deployment_status.environment', 'deployment.environment'],
      sha: 'deployment.sha',
      ref: 'deployment.ref',
      description: 'deployment_status.description',
      html_url: 'deployment_status.target_url',
    },
  },
];

export const github: Provider = {
  verifier,
  eventOf: ({ headers }) => headerOf(headers, 'x-github-event') ?? '',
  deliveryOf: ({ headers }) => headerOf(headers, 'x-github-delivery'),
  headersOf: (event, delivery) => ({ 'x-github-event': event, 'x-github-delivery': delivery }),
  rows: table(rows),
  actor: ['sender.login', 'pusher.name'],
  isBot: (payload) => textAt(payload, 'sender.type') === 'Bot',
};
