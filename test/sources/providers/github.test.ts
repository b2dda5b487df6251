import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileMapping, type Meaning } from '../../../src/sources/mapping.js';
import type { Json } from '../../../src/sources/json.js';
import { github } from '../../../src/sources/providers/github.js';

const read = compileMapping(github.rows);
const readGithub = (event: string, payload: Json): Meaning | undefined => read(event, payload)[0];

const repository = { full_name: 'acme/app' };
const sender = { login: 'ann' };
const sha = 'b'.repeat(40);

test('a push carries the newest twenty commits and what they mean', () => {
  const commits = Array.from({ length: 25 }, (_, n) => ({
    id: String(n),
    message: `m${n}`,
    author: { name: 'Ann', username: n % 2 ? 'ann' : undefined },
  }));
  const meaning = readGithub('push', {
    ref: 'refs/heads/release/1.0',
    before: 'a',
    after: sha,
    repository,
    sender,
    pusher: { name: 'bob' },
    commits,
    compare: 'https://example.org/compare',
  });
  assert.is(meaning?.type, 'CODE_PUSHED');
  const { commits: kept, ...data } = meaning?.data as { commits: { id: string; author: string }[] };
  assert.equal(data, {
    repository: 'acme/app',
    sender: 'ann',
    branch: 'release/1.0',
    sha,
    before: 'a',
    ref: 'refs/heads/release/1.0',
    commit_count: 25,
    pusher: 'bob',
    html_url: 'https://example.org/compare',
  });
  assert.is(kept.length, 20);
  assert.equal(kept[0], { id: '5', message: 'm5', author: 'ann' });
  assert.is(kept[1]?.author, 'Ann');
});

test('a tag has no branch, a deleted branch no code', () => {
  const tag = readGithub('push', { ref: 'refs/tags/v1', after: sha, repository });
  assert.is(tag?.data['tag'], 'v1');
  assert.not.ok('branch' in (tag?.data ?? {}));
  assert.is(readGithub('push', { ref: 'refs/heads/x', after: '0'.repeat(40), deleted: true, repository }), undefined);
});

test('an opened pull request', () => {
  const pull_request = {
    number: 7,
    title: 'Fix it',
    diff_url: 'https://example.org/7.diff',
    html_url: 'https://example.org/7',
    user: { login: 'ann' },
    head: { ref: 'fix', sha, repo: { full_name: 'ann/app' } },
    base: { ref: 'main' },
  };
  const meaning = readGithub('pull_request', { action: 'opened', number: 7, pull_request, repository, sender });
  assert.is(meaning?.type, 'PR_OPENED');
  assert.equal(meaning?.data, {
    repository: 'acme/app',
    sender: 'ann',
    number: 7,
    title: 'Fix it',
    branch: 'fix',
    base: 'main',
    sha,
    head_repository: 'ann/app',
    author: 'ann',
    diff_url: 'https://example.org/7.diff',
    html_url: 'https://example.org/7',
  });
  assert.is(readGithub('pull_request', { action: 'assigned', pull_request }), undefined);
});

const run = { conclusion: 'failure', head_branch: 'main', head_sha: sha, html_url: 'https://example.org/run' };
const failures: [string, Record<string, unknown>, string][] = [
  [
    'check_run',
    { check_run: { ...run, head_branch: undefined, name: 'unit', check_suite: { head_branch: 'main' } } },
    'unit',
  ],
  ['check_suite', { check_suite: { ...run, app: { name: 'CI' } } }, 'CI'],
  ['workflow_run', { workflow_run: { ...run, name: 'build', run_attempt: 2 } }, 'build'],
];
for (const [event, payload, name] of failures) {
  test(`a failed ${event}`, () => {
    const meaning = readGithub(event, { action: 'completed', repository, sender, ...payload });
    assert.is(meaning?.type, 'TEST_FAILED');
    const { branch, sha: at, conclusion, name: called, html_url } = meaning?.data as Record<string, string>;
    assert.equal(
      { branch, at, conclusion, called, html_url },
      { branch: 'main', at: sha, conclusion: 'failure', called: name, html_url: 'https://example.org/run' },
    );
  });
  test(`a ${event} that went well is no failure, and one that goes on is nothing`, () => {
    const good = JSON.parse(JSON.stringify(payload).replace('failure', 'success')) as Record<string, unknown>;
    const passed = readGithub(event, { action: 'completed', repository, ...good })?.type;
    assert.is(passed, event === 'workflow_run' ? 'TEST_PASSED' : undefined);
    assert.is(readGithub(event, { action: 'created', repository, ...payload }), undefined);
  });
}

test('a failed status', () => {
  const status = {
    state: 'error',
    context: 'ci/x',
    sha,
    branches: [{ name: 'main' }],
    target_url: 'https://example.org/s',
    repository,
  };
  const meaning = readGithub('status', status);
  assert.is(meaning?.type, 'TEST_FAILED');
  assert.is(meaning?.data['branch'], 'main');
  assert.is(meaning?.data['name'], 'ci/x');
  assert.is(readGithub('status', { ...status, state: 'pending' }), undefined);
});

test('fields of another kind are left out, long text is cut', () => {
  const meaning = readGithub('push', {
    ref: 5,
    after: sha,
    commits: [null, 3, { id: {}, message: 'x'.repeat(9_000) }],
    repository: 'no',
    pusher: [],
  });
  assert.is(meaning?.type, 'CODE_PUSHED');
  assert.not.ok('repository' in (meaning?.data ?? {}));
  assert.is((meaning?.data['commits'] as { message?: string }[])[2]?.message?.length, 500);
});

test.run();
