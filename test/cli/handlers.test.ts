import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, command, startService, temporary, tool, until } from '../support/service.js';

const world = () => {
  const folder = temporary('handlers');
  const env = cleanEnvironment();
  mkdirSync(join(folder, 'handlers'));
  mkdirSync(join(folder, 'rules'));
  writeFileSync(join(folder, 'rules', 'none.yaml'), 'rules: [{ id: none, on: NOTHING, do: hello }]\n');
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  const write = (name: string, text: string): void => writeFileSync(join(folder, 'handlers', name), text);
  write(
    'hello.yaml',
    `name: hello
description: Greets.
steps:
  - { id: greet, env: { NAME: '{{ event.data.name | default: "you" }}', HOW: '{{ with.how | default: "hello" }}' }, shell: 'echo "$HOW $NAME" | tee -a said' }
`,
  );
  return {
    folder,
    env,
    write,
    conductor: (...args: string[]) => tool('conductor', args, { cwd: folder, env }),
    said: (): string => (existsSync(join(folder, 'said')) ? readFileSync(join(folder, 'said'), 'utf8') : ''),
    serve: () => startService([], { cwd: folder, env }),
  };
};

test('list, check and graph tell of the folder and start nothing', async () => {
  const { conductor, folder } = world();
  assert.match(
    (await conductor('handlers', 'list')).stdout,
    /^hello\t1\t[0-9a-f]{16}\thandlers\/hello\.yaml\tGreets\.\n$/,
  );
  const listed = JSON.parse((await conductor('handlers', 'list', '--json')).stdout) as { handlers: { name: string }[] };
  assert.is(listed.handlers[0]!.name, 'hello');
  assert.is((await conductor('handlers', 'check')).stdout, '1 handlers are good\n');
  assert.is((await conductor('handlers', 'graph', 'hello')).stdout, 'hello\n  greet · shell\n');
  assert.match((await conductor('handlers', 'graph', 'hello', '--mermaid')).stdout, /^flowchart TD\n/);
  const unknown = await conductor('handlers', 'graph', 'helo');
  assert.is(unknown.code, 3);
  assert.match(unknown.stderr, 'did you mean "hello"?');
  assert.not(existsSync(join(folder, 'runs')));
});

test('check says file, line, column and field of what is wrong', async () => {
  const { conductor, write } = world();
  const wrong = async (steps: string): Promise<string> => {
    write('wrong.yaml', `name: wrong\nsteps:\n${steps}`);
    const { code, stderr } = await conductor('handlers', 'check');
    assert.is(code, 3, stderr);
    return stderr.replace(/.*\/wrong\.yaml/, 'wrong.yaml').trim();
  };
  assert.match(await wrong('  - { id: a, shel: echo }\n'), /^wrong\.yaml:3:20: .*did you mean "shell"\?/);
  assert.match(
    await wrong('  - { id: a, shell: echo, tiemout: 3 }\n'),
    /^wrong\.yaml:3:27: unknown key "tiemout"; did you mean "timeout"\?/,
  );
  assert.match(await wrong("  - { id: a, when: '1 +', shell: echo }\n"), /^wrong\.yaml:3:20: /);
  assert.match(
    await wrong("  - { id: a, agent: claude, prompt: 'Fix {{ event.data' }\n"),
    /^wrong\.yaml:3:\d+: .*not closed/,
  );
  assert.match(
    await wrong("  - { id: a, agent: claude, prompt: 'Fix {{ evnt.data }}' }\n"),
    /^wrong\.yaml:3:\d+: .*"evnt\.data" is not known/,
  );
  assert.match(
    await wrong("  - { id: a, shell: echo }\n  - { agent: claude, prompt: 'See {{ steps.b.output }}' }\n"),
    /^wrong\.yaml:4:\d+: there is no step "b"/,
  );
  assert.match(
    await wrong('  - { id: a, shell: echo }\n  - { id: a, shell: echo }\n'),
    /^wrong\.yaml:4:\d+: the id "a" is used twice/,
  );
  assert.match(
    await wrong('  - { id: a, script: nowhere.sh }\n'),
    /^wrong\.yaml:3:\d+: .*there is no file nowhere\.sh/,
  );
  assert.match(
    await wrong('  - review: { primary: claude, reviewers: [codex, { shel: x }] }\n'),
    /^wrong\.yaml:3:\d+: .*did you mean "shell"/,
  );
});

test('run does it without a service, in the caller’s folder, prints what it gave and ends with its meaning', async () => {
  const { conductor, folder, write, said } = world();
  writeFileSync(join(folder, 'event.json'), '{ "type": "greeted", "data": { "name": "Ada" } }');
  const done = await conductor('handlers', 'run', 'hello', '--event', 'event.json', '--with', '{"how":"good day"}');
  assert.is(done.code, 0, done.stderr);
  assert.is(done.stdout, 'good day Ada\n');
  assert.match(done.stderr, 'step greet completed');
  assert.is(said(), 'good day Ada\n');
  const misspelt = await conductor('handlers', 'run', 'hello', '--event', 'event.json', '--with', '{"hwo":"hi"}');
  assert.is(misspelt.code, 2);
  assert.match(misspelt.stderr, 'the handler "hello" has no parameter "hwo"; did you mean "how"?');
  write('broken.yaml', 'name: broken\nsteps: [{ shel: x }]\n');
  const beside = await conductor('handlers', 'run', 'hello', '--event', 'event.json', '--with', '{"how":"hi"}');
  assert.is(beside.code, 0, beside.stderr);
  assert.is(beside.stdout, 'hi Ada\n');
  assert.match(beside.stderr, /broken\.yaml:2:\d+: .*shel/);
  unlinkSync(join(folder, 'handlers', 'broken.yaml'));
  write('bad.yaml', "name: bad\nsteps: [{ shell: 'echo no >&2; exit 2' }]\n");
  const bad = await conductor('handlers', 'run', 'bad');
  assert.is(bad.code, 2);
  assert.match(bad.stderr, 'step 0: no');
  assert.is((await conductor('handlers', 'run', 'hello', '--event', 'nowhere.json')).code, 2);
  assert.is((await conductor('handlers', 'run', 'hello', '--with', '[1]')).code, 2);
});

test('with a service, run goes through it; a failed one is resumed after its last finished step; one that waits is cancelled', async () => {
  const { conductor, folder, write, said, serve } = world();
  write(
    'flaky.yaml',
    "name: flaky\nsteps:\n  - { id: one, shell: 'echo one >> said' }\n  - { id: two, shell: 'test -e fixed || exit 2; echo two >> said' }\n",
  );
  write('waits.yaml', 'name: waits\nsteps: [{ wait: { event: NEVER } }]\n');
  const service = await serve();
  try {
    const failed = await conductor('handlers', 'run', 'flaky', '--json');
    assert.is(failed.code, 2);
    const { task_id } = JSON.parse(failed.stdout) as { task_id: string };
    writeFileSync(join(folder, 'fixed'), '');
    const resumed = await conductor('handlers', 'resume', task_id);
    assert.is(resumed.code, 0, resumed.stderr);
    await until('the second step', () => (said().includes('two') ? true : undefined));
    assert.is(said(), 'one\ntwo\n');

    const waiting = conductor('handlers', 'run', 'waits', '--task', 'w');
    await until('it waits', async () =>
      (await tool('messagebus-tool', ['read', '--type', 'STEP_STARTED', '--json'], { cwd: folder })).stdout.includes(
        'NEVER',
      )
        ? true
        : undefined,
    );
    assert.is((await conductor('handlers', 'cancel', 'w', '--reason', 'enough')).code, 0);
    const cancelled = await waiting;
    assert.is(cancelled.code, 1);
    assert.match(cancelled.stderr, 'enough');
    assert.is((await conductor('handlers', 'resume', 'w')).code, 2);
    assert.is((await conductor('handlers', 'cancel', 'nobody')).code, 2);
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('approve lists what waits, and a yes or a no lets it go on', async () => {
  const { conductor, folder, write, said, serve } = world();
  write(
    'ask.yaml',
    "name: ask\nsteps:\n  - approve: 'Deploy {{ event.data.v }}?'\n  - shell: 'echo deployed >> said'\n",
  );
  const service = await serve();
  try {
    writeFileSync(join(folder, 'event.yaml'), 'data: { v: 2 }\n');
    const ask = (task: string) => conductor('handlers', 'run', 'ask', '--event', 'event.yaml', '--task', task);
    const [yes, no] = [ask('yes'), ask('no')];
    await until('both wait', async () =>
      (await conductor('approve')).stdout.split('\n').length === 3 ? true : undefined,
    );
    assert.match((await conductor('approve')).stdout, /default\/(yes|no)\t.*\tDeploy 2\?\t/);
    assert.is((await conductor('approve', 'yes')).code, 0);
    assert.is((await conductor('approve', 'no', '--reject', '--comment', 'too early')).code, 0);
    assert.is((await yes).code, 0);
    const rejected = await no;
    assert.is(rejected.code, 2);
    assert.match(rejected.stderr, 'too early');
    assert.is(said(), 'deployed\n');
    assert.is((await conductor('approve', 'yes')).code, 2, 'nothing waits there any more');
    assert.is((await conductor('approve')).stdout, '');
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('without a service, run carries what waits for a person to its end, another waits its turn, and a signal leaves it open', async () => {
  const { conductor, folder, env, write } = world();
  write('ask.yaml', "name: ask\nsteps: [{ approve: 'Well?' }, { shell: echo went on }]\n");
  const lists = (count: number) =>
    until(`${count} ask`, async () => {
      const { stdout } = await conductor('approve');
      return stdout.split('\n').length - 1 === count || undefined;
    });
  const asks = conductor('handlers', 'run', 'ask', '--task', 'asks');
  await lists(1);
  const greets = conductor('handlers', 'run', 'hello');
  await until('it is asked for', async () => {
    const asked = await tool('messagebus-tool', ['read', '--type', 'HANDLER_REQUESTED'], { cwd: folder, env });
    return asked.stdout.includes('hello is asked for') || undefined;
  });
  assert.is((await conductor('approve', 'asks')).code, 0);
  const asked = await asks;
  assert.is(asked.stdout, 'went on\n', asked.stderr);
  const greeted = await greets;
  assert.is(greeted.stdout, 'hello you\n', greeted.stderr);

  const leaves = spawn(process.execPath, [command('conductor'), 'handlers', 'run', 'ask', '--task', 'leaves'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  leaves.stderr.on('data', (text) => (stderr += String(text)));
  const left = new Promise((resolve) => leaves.on('close', resolve));
  await lists(1);
  leaves.kill('SIGTERM');
  assert.is(await left, 1);
  assert.match(stderr, /stands still; it goes on when "conductor serve" does/);
  assert.is((await conductor('approve', 'leaves')).code, 0, 'it is open still');
});

test('the schema for editors knows the kernel and the patterns', async () => {
  const { conductor } = world();
  const schema = JSON.parse((await conductor('handlers', 'schema')).stdout) as {
    $defs: { step: { anyOf: { properties?: Record<string, unknown> }[] } };
  };
  const keys = schema.$defs.step.anyOf.flatMap((one) => Object.keys(one.properties ?? {}));
  for (const key of ['agent', 'shell', 'map', 'repeat', 'wait', 'saga', 'review', 'rollout'])
    assert.ok(keys.includes(key), key);
});

test.run();
