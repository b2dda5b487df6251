import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEnd } from '../../src/core/run.js';
import { boxed, type Sandbox } from '../../src/runner/sandbox.js';
import { temporary, until } from '../support/service.js';
import { lives, openWorld } from './world.js';

/** Skipped where it cannot be; but never in CI, which must have it. */
const where = (sandbox: Sandbox): typeof test => {
  const box = { cwd: process.cwd(), writable: [], asRoot: process.getuid?.() === 0 };
  const [program = '', ...args] = boxed(sandbox, box, ['true']);
  const can = spawnSync(program, args, { stdio: 'ignore' }).status === 0;
  return can || process.env['CI'] === 'true' ? test : (test.skip as typeof test);
};

const openBox = (sandbox: Sandbox) =>
  openWorld({
    groupFor: () => Promise.resolve(undefined),
    config: { boxed: { backend: 'shell', sandbox } },
  });

for (const sandbox of ['pidns', 'bwrap'] as const) {
  where(sandbox)(`${sandbox}: it sees no process but its own, its result and output are as ever`, async () => {
    const world = await openBox(sandbox);
    const { end, read } = await world.run('boxed', 'ls /proc | grep -c "^[0-9]*$"; echo bad >&2; exit 7\n');
    assert.equal([end.status, end.exit_code], ['failed', 7], end.error_summary);
    assert.ok(Number(end.output.split('\n')[0]) < 10, end.output);
    assert.is(read('agent-stderr.txt'), 'bad\n');
  });

  where(sandbox)(`${sandbox}: a daemon that hides from every mark is gone with it`, async () => {
    const world = await openBox(sandbox);
    const beat = join(world.work, 'beat');
    const daemon = `(env -i setsid sh -c '(while :; do echo x >>"$1"; sleep 0.02; done) &' x '${beat}' >/dev/null 2>&1 </dev/null &)`;
    const spec = world.specOf('boxed', `${daemon}\nsleep 1000\n`);
    const ended = lastValueFrom(world.runner.attempt(spec)) as Promise<RunEnd>;
    await until('the daemon beats', () => existsSync(beat));
    const shim = await until('it runs', async () => (await world.runs.find(spec))?.pid);
    await world.runner.stop(spec, 'enough');
    assert.is((await ended).reason, 'stopped: enough');
    assert.not(lives(shim));
    const size = spawnSync('pgrep', ['-f', beat], { encoding: 'utf8' }).stdout.trim();
    assert.is(size, '', 'nothing of it is left');
  });
}

where('bwrap')('bwrap: it writes where it works and in the root, and nowhere else', async () => {
  const world = await openBox('bwrap');
  const outside = temporary('outside');
  mkdirSync(join(outside, 'folder'));
  const text = `echo in >inside; echo own >"$CONDUCTOR_OUTPUT"; touch '${outside}/file' || echo refused; touch /etc/conductor-was-here || echo refused\n`;
  const { end, read } = await world.run('boxed', text);
  assert.is(end.status, 'completed', end.error_summary);
  assert.is(read('agent-stdout.txt'), 'refused\nrefused\n');
  assert.is(read('output.md'), 'own\n');
  assert.ok(existsSync(join(world.work, 'inside')));
  assert.not(existsSync(join(outside, 'file')));
  assert.not(existsSync('/etc/conductor-was-here'));
});

test('a wrapper’s words come before the agent’s own', async () => {
  const world = await openBox(['/usr/bin/env', 'WRAPPED=yes']);
  const { end } = await world.run('boxed', 'echo "$WRAPPED"\n');
  assert.equal([end.status, end.output], ['completed', 'yes\n'], end.error_summary);
});

test.run();
