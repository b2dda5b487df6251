import { createRequire } from 'node:module';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { draftSchema } from '../../../src/core/event.js';
import { isReserved } from '../../../src/core/event-type.js';
import type { Json } from '../../../src/sources/json.js';
import { compileMapping } from '../../../src/sources/mapping.js';
import { github } from '../../../src/sources/providers/github.js';

const read = compileMapping(github.rows);
const require = createRequire(import.meta.url);
const VERSIONS = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35'];
const examples = VERSIONS.flatMap((version) =>
  (require(`@octokit/webhooks-examples/${version}/index.json`) as { name: string; examples: Json[] }[]).flatMap(
    ({ name, examples: payloads }) => payloads.map((payload) => ({ event: name, payload })),
  ),
);
const told = examples.map(({ event, payload }) => ({
  event,
  payload,
  meanings: read(event, payload),
}));
const ofEvent = (event: string) => told.filter((one) => one.event === event);

test('every payload that GitHub was seen to send is read without a throw, and what is told is a message', () => {
  assert.ok(examples.length > 500, `only ${examples.length} examples`);
  for (const { event, meanings } of told) {
    for (const meaning of meanings) {
      const { type, body, data } = meaning;
      assert.ok(draftSchema.safeParse({ type, body, data }).success, event);
      assert.not.ok(isReserved(type), type);
      assert.ok(body.length > 10 && !/[{}]|undefined/.test(body), `${event}: ${body}`);
      assert.ok(JSON.stringify(data).length < 32_768);
    }
  }
});

test('every push with a commit is CODE_PUSHED with repository, ref, sha and a branch or a tag', () => {
  const pushes = ofEvent('push');
  assert.ok(pushes.length > 5);
  for (const { payload, meanings } of pushes) {
    const isGone = payload['deleted'] === true;
    assert.equal(
      meanings.map(({ type }) => type),
      isGone ? [] : ['CODE_PUSHED'],
    );
    if (isGone) continue;
    const { data } = meanings[0]!;
    assert.is(data['sha'], payload['after']);
    assert.is(data['ref'], payload['ref']);
    assert.type(data['repository'], 'string');
    assert.is([data['branch'], data['tag']].filter((one) => typeof one === 'string').length, 1);
    assert.is((data['commits'] as unknown[]).length, Math.min(20, (payload['commits'] as unknown[]).length));
  }
  assert.ok(pushes.some(({ meanings }) => meanings.length === 1));
});

test('every opened, updated, closed and merged pull request is told with number, branches and sha', () => {
  const types: Record<string, string> = {
    opened: 'PR_OPENED',
    reopened: 'PR_OPENED',
    ready_for_review: 'PR_OPENED',
    synchronize: 'PR_UPDATED',
    labeled: 'PR_LABELED',
  };
  const seen = new Set<string>();
  for (const { payload, meanings } of ofEvent('pull_request')) {
    const action = String(payload['action']);
    const merged = (payload['pull_request'] as Json)['merged'] === true;
    const expected = action === 'closed' ? (merged ? 'PR_MERGED' : 'PR_CLOSED') : types[action];
    assert.is(meanings[0]?.type, expected, action);
    if (meanings[0] === undefined) continue;
    seen.add(meanings[0].type);
    for (const field of ['number', 'title', 'branch', 'base', 'sha', 'repository', 'sender', 'html_url'])
      assert.ok(meanings[0].data[field] !== undefined, `${action}: ${field}`);
  }
  for (const type of ['PR_OPENED', 'PR_UPDATED', 'PR_CLOSED', 'PR_LABELED']) assert.ok(seen.has(type), type);
});

test('checks: exactly the failed ones are TEST_FAILED, and machinery sent them', () => {
  const failed = ['failure', 'timed_out', 'startup_failure'];
  let count = 0;
  for (const event of ['check_run', 'check_suite', 'workflow_run']) {
    for (const { payload, meanings } of ofEvent(event)) {
      const { conclusion } = payload[event] as { conclusion: unknown };
      const isFailed = payload['action'] === 'completed' && failed.includes(String(conclusion));
      assert.is(meanings[0]?.type === 'TEST_FAILED', isFailed, `${event} ${String(conclusion)}`);
      if (meanings[0]) assert.is(meanings[0].system, true);
      count += isFailed ? 1 : 0;
    }
  }
  for (const { payload, meanings } of ofEvent('status'))
    assert.is(meanings[0]?.type === 'TEST_FAILED', ['failure', 'error'].includes(String(payload['state'])));
  assert.ok(count > 0);
});

test('every comment and review names who spoke and what was said', () => {
  for (const event of ['issue_comment', 'pull_request_review', 'pull_request_review_comment', 'commit_comment']) {
    const created = ofEvent(event).filter(({ payload }) =>
      ['created', 'submitted'].includes(String(payload['action'])),
    );
    assert.ok(created.length > 0, event);
    for (const { meanings } of created) {
      assert.is(meanings[0]?.type, event === 'pull_request_review' ? 'PR_REVIEWED' : 'COMMENT_ADDED');
      assert.type(meanings[0]?.data['sender'], 'string');
      assert.type(meanings[0]?.data['html_url'], 'string');
    }
  }
});

test('the same payloads with parts taken out or put in another kind are never a throw', () => {
  const broken = [null, 7, 'text', [], {}, true];
  for (const [index, { event, payload }] of examples.entries()) {
    for (const key of Object.keys(payload)) {
      read(event, { ...payload, [key]: broken[index % broken.length] });
      const { [key]: _, ...without } = payload;
      read(event, without);
    }
  }
});

test.run();
