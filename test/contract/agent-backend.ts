import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lives, openWorld, pidsIn, script, type Act } from '../runner/world.js';
import { temporary } from '../support/service.js';

/** What every agent that is a program must do, whatever it speaks. `speaks`: it tells how it ended, beside its code. */
export const agentBackendContract = (agent: string, { speaks }: { speaks: boolean }): void => {
  const test = suite(agent);
  const run = async (...acts: Act[]) => (await openWorld()).run(agent, script(...acts));

  test('a run that says that it is done, and ends with 0, is completed; its last word is the output', async () => {
    const { end, read } = await run({ say: 'first' }, { tool: 'echo worked' }, { say: 'the answer' }, { result: true });
    assert.is(end.status, 'completed', end.error_summary);
    assert.is(end.exit, 0);
    assert.match(end.output, 'the answer');
    if (speaks) assert.is(end.output, 'the answer');
    assert.match(read('run-info.yaml'), /^status: completed$/m);
    assert.match(read('output.md'), 'the answer');
    assert.match(read('agent-stdout.txt'), 'swer');
    assert.match(read('prompt.md'), 'Do this.');
  });

  test('output.md is what the agent wrote there itself', async () => {
    const { end, read } = await run({ write: ['$OUTPUT', 'my report\n'] }, { say: 'bye' }, { result: true });
    assert.is(end.output, 'my report\n');
    assert.is(read('output.md'), 'my report\n');
  });

  test('a code other than 0 is a failure, though the agent says that all is well', async () => {
    const { end, read } = await run({ say: 'all is well' }, { result: true }, { exit: 1 });
    assert.is(end.status, 'failed');
    assert.is(end.exit_code, 1);
    assert.is(end.exit, 1);
    assert.match(read('output.md'), '# Task Failed');
  });

  test('an end by a signal is told with the signal, and may be tried again', async () => {
    const { end } = await run({ say: 'x' }, { kill: 'SIGKILL' });
    assert.equal([end.status, end.class, end.signal], ['failed', 'transient', 'SIGKILL']);
  });

  test('the prompt may be longer than an argument can be', async () => {
    const world = await openWorld();
    const { end } = await world.run(agent, `${'x'.repeat(300_000)}\n${script({ say: 'read it' }, { result: true })}`);
    assert.is(end.status, 'completed', end.error_summary);
  });

  test('a daemon in a session of its own does not outlive a good run', async () => {
    const path = join(temporary('daemon'), 'pid');
    const { end } = await run(
      { daemon: path },
      { tool: `until [ -s ${path} ]; do sleep 0.01; done` },
      { say: 'x' },
      { result: true },
    );
    assert.is(end.status, 'completed', end.error_summary);
    const [pid] = pidsIn(path);
    assert.ok(pid !== undefined, 'there was a daemon');
    assert.not(lives(pid), 'the daemon is gone');
  });

  test('the agent sees only what is allowed, where it is, and who it is', async () => {
    const world = await openWorld({ environment: { SECRET_OF_OURS: 'hidden', LC_ALL: 'C' } });
    const path = join(temporary('env'), 'env.json');
    const { spec, end } = await world.run(agent, script({ env: path }, { say: 'x' }, { result: true }), {
      env: { FROM_STEP: 'yes', RUN_ID: 'forged' },
    });
    assert.is(end.status, 'completed', end.error_summary);
    assert.ok(existsSync(path));
    const { readFileSync } = await import('node:fs');
    const { env, cwd } = JSON.parse(readFileSync(path, 'utf8')) as { env: Record<string, string>; cwd: string };
    assert.is(env['SECRET_OF_OURS'], undefined);
    assert.is(env['LC_ALL'], 'C');
    assert.is(env['FROM_STEP'], 'yes');
    assert.is(env['RUN_ID'], spec.run_id);
    assert.is(env['CONDUCTOR_ROOT'], world.root.path);
    assert.is(cwd, world.work);
  });

  if (speaks) {
    test('exit 0 without a good last word is a failure', async () => {
      const silent = await run({ say: 'thinking' });
      assert.is(silent.end.status, 'failed');
      const lying = await run({ result: 'it went wrong' }, { exit: 0 });
      assert.is(lying.end.status, 'failed');
      assert.match(lying.end.error_summary ?? '', 'it went wrong');
    });

    test('dying in the middle of a line loses that line only', async () => {
      const { end, events } = await run({ say: 'before' }, { half: '{"type":"resu' }, { exit: 1 });
      assert.is(end.status, 'failed');
      assert.ok(events.some((event) => event.kind === 'warning' && event.message.includes('resu')));
      assert.match(end.output, 'before');
    });

    test('a refused key is permanent, a full service transient with the time of its reset', async () => {
      const refused = await run({ result: 'unexpected status 401 Unauthorized' }, { exit: 1 });
      assert.equal([refused.end.class, refused.end.exit], ['permanent', 2]);
      const before = Date.now();
      const full = await run({ result: '429 rate limit exceeded, try again in 90 s' }, { exit: 1 });
      assert.equal([full.end.class, full.end.exit, full.end.reason], ['transient', 1, 'rate_limit']);
      const at = Date.parse(full.end.retry_at ?? '');
      assert.ok(at >= before + 90_000 && at < Date.now() + 90_000, full.end.retry_at);
    });

    test('its session and its use of tokens are told and kept', async () => {
      const { end, events, read } = await run({ usage: [120, 7] }, { tool: 'true' }, { say: 'x' }, { result: true });
      assert.match(end.session_id ?? '', /^session-\d+$/);
      assert.equal(end.usage, { input_tokens: 120, output_tokens: 7 });
      assert.is(end.acted, true);
      assert.match(read('run-info.yaml'), `session_id: ${end.session_id}`);
      for (const kind of ['session', 'tool_call', 'tool_result', 'text', 'usage', 'result'])
        assert.ok(
          events.some((event) => event.kind === kind),
          `${kind} is told`,
        );
    });
  }
  test.run();
};
