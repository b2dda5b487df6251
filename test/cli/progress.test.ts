import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { progressLine } from '../../src/cli/progress.js';
import { cleanEnvironment, command, run, temporary } from '../support/service.js';

test('a line of progress says agent, time, cost and what it does, and is narrower than the terminal', () => {
  const state = { agent: 'codex', since: '2026-11-21T08:00:00.000Z', usd: 0.0312, doing: 'npm\u001B[31m test' };
  const now = Date.parse('2026-11-21T08:00:41.000Z');
  assert.is(progressLine(0, state, now, 80), '⠋ codex  41s  $0.0312  npm [31m test');
  assert.is(progressLine(11, { ...state, usd: 0, doing: 'x'.repeat(99) }, now, 30).length, 29);
});

test('on a terminal the line moves and is gone at the end; elsewhere there is none', async () => {
  const cwd = temporary('progress');
  const env = cleanEnvironment({ TERM: 'xterm' });
  const words = `'${process.execPath}' '${command('run-agent')}' task --agent shell --prompt 'sleep 0.5; echo done'`;
  const seen = await run('script', ['-qec', words, '/dev/null'], { cwd, env });
  assert.is(seen.code, 0, seen.stderr);
  assert.match(seen.stdout, /\r\u001B\[2K⠋ shell {2}0s/);
  assert.match(seen.stdout, /\r\u001B\[2Kdone\r?\n/);
  const plain = await run('sh', ['-c', words], { cwd, env });
  assert.equal(plain, { code: 0, stdout: 'done\n', stderr: '' });
});

test.run();
