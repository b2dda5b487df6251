import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEnd } from '../../src/core/run.js';
import type { AgentConfig } from '../../src/runner/agents/backend.js';
import { createAgents } from '../../src/runner/agents.js';
import { boxed } from '../../src/runner/sandbox.js';
import { run, temporary, until } from '../support/service.js';
import { lives, openWorld, pidsIn, script } from './world.js';

interface Seen {
  env: Record<string, string>;
  args: string[];
  prompt: string;
}

/** What an agent of this configuration is started with. */
const seenBy = async (
  reviewer: AgentConfig,
  more: Parameters<Awaited<ReturnType<typeof openWorld>>['specOf']>[2] = {},
  serviceUrl?: string,
) => {
  const world = await openWorld({
    config: { reviewer },
    ...(serviceUrl === undefined ? {} : { ticketOf: () => 'ticket', serviceUrl: () => serviceUrl }),
    environment: { OPENAI_API_KEY: 'sk-of-openai', ANTHROPIC_API_KEY: 'sk-of-claude' },
  });
  const path = join(temporary('seen'), 'seen.json');
  const { end, spec } = await world.run('reviewer', script({ env: path }, { say: 'x' }, { result: true }), more);
  assert.is(end.status, 'completed', end.error_summary);
  return { ...(JSON.parse(readFileSync(path, 'utf8')) as Seen), spec, world };
};

test('a named agent has its backend, model, role, variables and limits; and one key alone', async () => {
  const role = join(temporary('role'), 'role.md');
  writeFileSync(role, 'You review code.\n');
  const seen = await seenBy({
    backend: 'claude',
    model: 'big',
    role,
    env: { STRICT: 'yes' },
    limits: { turns: 7, usd: 2 },
  });
  assert.match(seen.prompt, /^You review code\.\n\n/);
  assert.match(seen.prompt, 'Do this.');
  for (const pair of ['--model big', '--max-turns 7', '--max-budget-usd 2', '--dangerously-skip-permissions'])
    assert.match(seen.args.join(' '), pair);
  assert.is(seen.env['STRICT'], 'yes');
  assert.is(seen.env['ANTHROPIC_API_KEY'], 'sk-of-claude');
  assert.is(seen.env['OPENAI_API_KEY'], undefined);
});

test('what a stranger caused, or what may only read, has no more rights than that, and no secret of ours', async () => {
  const expected: Record<string, string> = {
    claude: '--permission-mode dontAsk --allowedTools Read',
    codex: '--sandbox read-only',
    gemini: '--approval-mode plan',
  };
  for (const backend of ['claude', 'codex', 'gemini']) {
    const reading = await seenBy({ backend, tools: 'read-only', env: { DEPLOY: 'key' } });
    assert.match(reading.args.join(' '), expected[backend]!);
    assert.is(reading.env['DEPLOY'], 'key');
    const stranger = await seenBy({ backend, env: { DEPLOY: 'key' } }, { trust: 'outside' });
    assert.match(stranger.args.join(' '), expected[backend]!);
    assert.is(stranger.env['DEPLOY'], undefined);
    assert.not.match(stranger.args.join(' '), /bypass|skip-permissions|yolo/);
    assert.not.match(stranger.prompt, 'run-agent task');
  }
});

test('who is to ask first asks the service, denies itself everything without one, and is refused where it cannot', async () => {
  const service = 'http://127.0.0.1:2';
  const asking = await seenBy({ backend: 'claude', tools: 'ask' }, {}, service);
  assert.match(asking.args.join(' '), '--permission-mode default --permission-prompt-tool mcp__conductor__approve');
  assert.not.match(asking.args.join(' '), 'skip-permissions');
  const alone = await seenBy({ backend: 'claude', tools: 'ask' });
  assert.match(alone.args.join(' '), '--permission-mode dontAsk');
  const stranger = await seenBy({ backend: 'claude', tools: 'ask' }, { trust: 'outside' }, service);
  assert.match(stranger.args.join(' '), '--permission-mode dontAsk');
  for (const backend of ['codex', 'gemini', 'shell', 'perplexity']) {
    const agents = createAgents({ config: { one: { backend, tools: 'ask' } }, environment: {} });
    assert.throws(() => agents.find('one'), /"one" cannot ask before it uses a tool/);
  }
});

test('a key comes from a file that nobody else may read, under the name that its program knows', async () => {
  const token_file = join(temporary('token'), 'token');
  writeFileSync(token_file, 'sk-from-the-file\n', { mode: 0o600 });
  const seen = await seenBy({ backend: 'codex', token_file });
  assert.is(seen.env['OPENAI_API_KEY'], 'sk-from-the-file');
  assert.is(seen.env['ANTHROPIC_API_KEY'], undefined);
});

test('any program that speaks a known family needs only configuration', async () => {
  const world = await openWorld();
  const { world: other } = {
    world: await openWorld({ config: { qwen: { command: [join(world.bin, 'claude'), 'extra'], speaks: 'claude' } } }),
  };
  const { end } = await other.run('qwen', script({ say: 'from qwen' }, { usage: [3, 4] }, { result: true }));
  assert.equal([end.status, end.output, end.usage], ['completed', 'from qwen', { input_tokens: 3, output_tokens: 4 }]);
});

test('a wrapper of words goes before the agent; in a PID namespace nothing outlives it', async () => {
  const wrapped = await seenBy({ backend: 'gemini', sandbox: ['env', 'IN_THE_BOX=yes'] });
  assert.is(wrapped.env['IN_THE_BOX'], 'yes');
  const [program = '', ...words] = boxed('pidns', { cwd: '/', writable: [], asRoot: process.getuid?.() === 0 }, [
    'true',
  ]);
  // Where the kernel gives no namespaces, doctor says so.
  if ((await run(program, words)).code !== 0) return;
  const world = await openWorld({
    config: { boxed: { backend: 'shell', sandbox: 'pidns' } },
    groupFor: () => Promise.resolve(undefined),
  });
  const path = join(temporary('boxed'), 'pids');
  // Nobody else's on this machine.
  const nap = `1${process.pid}.${Date.now()}`;
  const spec = world.specOf(
    'boxed',
    `(setsid env -i sh -c 'exec sleep ${nap}' >/dev/null 2>&1 &)\necho $$ >'${path}'\nsleep 1000\n`,
  );
  const ended = lastValueFrom(world.runner.attempt(spec)) as Promise<RunEnd>;
  const [inside] = await until('it runs', () => (pidsIn(path).length > 0 ? pidsIn(path) : undefined));
  assert.ok(inside! < 100, 'its numbers are its own');
  const shim = await until('it is noted', async () => (await world.runs.find(spec))?.pid);
  await world.runner.stop(spec, 'enough');
  assert.is((await ended).reason, 'stopped: enough');
  assert.not(lives(shim));
  const left = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => existsSync(`/proc/${pid}/cmdline`))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(nap);
      } catch {
        return false;
      }
    });
  assert.equal(left, [], 'the hidden daemon is gone');
});

test('a shell agent runs its prompt by its shebang', async () => {
  const world = await openWorld();
  const node = await world.run('shell', `#!${process.execPath}\nconsole.log(['from', 'node'].join(' '));\n`);
  assert.equal([node.end.status, node.end.output], ['completed', 'from node\n'], node.end.stderr);
  const sh = await world.run('shell', 'cat; echo " and $X"', { stdin: 'data', env: { X: 'variables; $(no command)' } });
  assert.is(sh.end.output, 'data and variables; $(no command)\n');
});

test.run();
