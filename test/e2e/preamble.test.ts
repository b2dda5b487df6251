import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { preambleOf } from '../../src/runner/preamble.js';
import { cleanEnvironment, project, temporary, tool } from '../support/service.js';

const place = { rootPath: '/r', runFolder: '/r/p/t/x', taskFolder: '/r/p/t', outputPath: '/r/p/t/x/output.md' };
const spec = {
  run_id: 'x',
  project_id: 'p',
  task_id: 't',
  agent: 'claude',
  prompt: '',
  cwd: '/',
  env: {},
  timeout_ms: 1,
  depth: 0,
  trust: 'full',
  attempt: 1,
} as const;

/** The commands of the preamble: what stands indented. */
const commands = preambleOf(spec, place, false)
  .split('\n')
  .filter((line) => line.startsWith('  '))
  .map((line) => line.trim());

test('every command that an agent is told works inside of its run', async () => {
  assert.is(commands.length, 3, commands.join('\n'));
  const folder = temporary('preamble');
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'claude'),
    `#!/bin/sh\nexec '${process.execPath}' '${join(project, 'test', 'support', 'fake-agent.mjs')}' claude "$@"\n`,
  );
  chmodSync(join(bin, 'claude'), 0o755);
  const env = cleanEnvironment();
  env['PATH'] = `${bin}:${env['PATH']}`;
  const root = join(folder, 'runs');
  const said = commands.map((command, index) => ({
    tool: `${command} > '${folder}/out-${index}' 2> '${folder}/err-${index}'`,
  }));
  const prompt = `SCRIPT ${JSON.stringify([...said, { say: 'all done' }, { result: true }])}`;
  const args = ['task', '--agent', 'claude', '--task-id', 'told', '--root', root, '--prompt', prompt];
  const done = await tool('run-agent', args, { env, cwd: folder });
  assert.is(done.stdout, 'all done\n', done.stderr);
  const { readFileSync } = await import('node:fs');
  const out = (index: number): string => readFileSync(join(folder, `out-${index}`), 'utf8');
  const errors = commands.map((_, index) => readFileSync(join(folder, `err-${index}`), 'utf8')).join('\n');
  assert.match(out(0), /^MSG-/, errors);
  assert.match(out(1), 'what happened', errors);
  assert.is(out(2), 'done\n', errors);
});

test('it says where the answer goes and where the agent is', () => {
  const text = preambleOf(spec, place, false);
  for (const fact of ['run x', 'task t', 'project p', place.outputPath]) assert.match(text, fact);
  const reading = preambleOf(spec, place, true);
  assert.match(reading, 'change nothing');
  assert.not.match(reading, 'run-agent');
});

test.run();
