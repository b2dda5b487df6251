import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AgentEvent } from '../../src/core/run.js';
import { classify } from '../../src/runner/classify.js';
import { createListener } from '../../src/runner/listener.js';
import type { Family } from '../../src/runner/streams/family.js';

/** What the real CLIs wrote, against a fake model server; samples/. */
const hear = (family: Family, sample: string, exit_code: number) => {
  const kinds: AgentEvent['kind'][] = [];
  const listener = createListener(family, (event) => kinds.push(event.kind));
  for (const line of readFileSync(join(import.meta.dirname, 'samples', `${sample}.jsonl`), 'utf8').split('\n'))
    listener.stdout(line);
  const { heard } = listener;
  const { result, errors } = heard;
  const meaning = classify({ speaks: true, exit_code, result, errors, stderr: '', stopped: undefined, now: 0 });
  return { kinds, heard, meaning };
};

for (const family of ['claude', 'codex', 'gemini'] as const)
  test(`${family}: a tool is called, a file is written, and its last word is the answer`, () => {
    const { kinds, heard, meaning } = hear(family, family, 0);
    assert.is(meaning.status, 'completed');
    assert.is(heard.finalText, 'All done, DONE exists.');
    assert.match(heard.session_id ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(heard.usage, { input_tokens: 200, output_tokens: 40 });
    assert.is(heard.acted, true);
    assert.ok(kinds.indexOf('tool_call') < kinds.indexOf('tool_result'));
    assert.is(hear(family, family, 1).meaning.status, 'failed', 'its code counts too');
  });

test('a failed call of the API is a failure, though claude calls it a success', () => {
  const { meaning, kinds } = hear('claude', 'claude-overloaded', 1);
  assert.equal([meaning.status, meaning.class], ['failed', 'transient']);
  assert.ok(kinds.includes('retry'));
  assert.is(hear('claude', 'claude-overloaded', 0).meaning.status, 'failed');
});

test('a refused key, a used-up budget and a full service are told apart', () => {
  assert.is(hear('codex', 'codex-401', 1).meaning.class, 'permanent');
  // The status, modulo 256.
  assert.is(hear('gemini', 'gemini-401', 145).meaning.class, 'permanent');
  assert.is(hear('claude', 'claude-budget', 1).meaning.class, 'permanent');
  const full = hear('codex', 'codex-429', 1).meaning;
  assert.equal([full.class, full.reason], ['transient', 'rate_limit']);
});

test('what is no line of its family is shown, and decides nothing', () => {
  const kinds: string[] = [];
  const listener = createListener('codex', (event) => kinds.push(event.kind));
  for (const line of ['not json', '[1]', '"x"', 'null', '{"type":"of tomorrow"}', '{"type":"turn.completed"', ''])
    listener.stdout(line);
  assert.equal(kinds, ['warning', 'warning', 'warning', 'warning', 'warning']);
  assert.is(listener.heard.result, undefined);
});

test.run();
