import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, tool, until } from '../support/service.js';

const HANDLER = `name: say
steps:
  - emit: { type: SAID, body: '{{ event.type }}: {{ folded.count }}' }
`;
const RULES = `rules:
  - id: main-only
    on: PING
    match: { data.branch: main }
    do: say
    tests:
      - { given: { data: { branch: main } }, expect: fires }
      - { given: { data: { branch: dev } }, expect: { fires: false, because: match.data.branch } }
  - { id: gathered, on: PING, debounce: { quiet: 300ms }, do: say }
  - { id: errs, on: PING, when: 'event.data.no == 1', do: say }
`;

test('a person can write a rule, test it, see why it fired or not, try another, and switch it off', async () => {
  const env = cleanEnvironment();
  const folder = temporary('rules');
  for (const name of ['rules', 'handlers', 'other']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'handlers', 'say.yaml'), HANDLER);
  writeFileSync(join(folder, 'rules', 'r.yaml'), RULES);
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  const conductor = async (...args: string[]): Promise<string> => {
    const done = await tool('conductor', args, { cwd: folder, env });
    assert.is(done.code, 0, `${args.join(' ')}: ${done.stderr}`);
    return done.stdout;
  };

  assert.match(await conductor('rules', 'test'), '2 of 2 examples are as they say');
  writeFileSync(join(folder, 'other', 'r.yaml'), RULES.replace('expect: fires', 'expect: no_match'));
  const wrong = await tool('conductor', ['rules', 'test', '--rules', 'other'], { cwd: folder, env });
  assert.is(wrong.code, 2);
  assert.match(wrong.stdout, /FAIL main-only: example 1: wanted no_match; fired 1 times/);
  writeFileSync(join(folder, 'other', 'r.yaml'), 'rules: [{ id: a, on: PING, dp: say }]');
  const bad = await tool('conductor', ['rules', 'check', '--rules', 'other'], { cwd: folder, env });
  assert.is(bad.code, 3);
  assert.match(bad.stderr, /other\/r\.yaml:1:\d+: unknown key "dp"; did you mean "do"\?/);

  const service = await startService([], { cwd: folder, env });
  const write = async (branch: string): Promise<string> =>
    (
      await tool('messagebus-tool', ['write', '--type', 'PING', '--data', JSON.stringify({ branch }), 'x'], {
        cwd: folder,
        env,
      })
    ).stdout.trim();
  try {
    const dev = await write('dev');
    const main = await write('main');
    const said = await until('all are answered', async () => {
      const { events } = JSON.parse(await conductor('events', 'list', '--type', 'SAID', '--json')) as {
        events: { body: string }[];
      };
      return events.length >= 2 && events.some(({ body }) => body !== 'PING: 1')
        ? events
        : events.length >= 3
          ? events
          : undefined;
    });
    assert.ok(said.some(({ body }) => body === 'PING: 1'));

    const why = await conductor('rules', 'explain', dev);
    assert.match(why, /no match {4}main-only {2}match\.data\.branch: wants "main", was "dev"/);
    assert.match(why, /held {8}gathered {2}debounce/);
    assert.match(why, /error {7}errs {2}No such key: no/);
    assert.match(why, /later .*gathered {2}→ say/);
    assert.match(await conductor('rules', 'explain', main), /fired {7}main-only {2}→ say/);

    const tree = await conductor('trace', main);
    assert.match(tree, /^PING MSG-.*◀$/m);
    assert.match(tree, /─ main-only → say {2}completed/);
    assert.match(tree, /─ SAID MSG-/);

    writeFileSync(join(folder, 'other', 'r.yaml'), RULES.replace('branch: main }\n    do', 'branch: dev }\n    do'));
    const simulated = await conductor('rules', 'simulate', '--rules', 'other');
    assert.match(simulated, `+ ${dev} PING  main-only: no match → fired`);
    assert.match(simulated, `- ${main} PING  main-only: fired → no match`);
    assert.not.match(simulated, /gathered: .* → /, 'what is the same is not told');
    assert.match(await conductor('rules', 'simulate', '--rules', 'rules'), ' 0 decisions differ');

    await conductor('rules', 'disable', 'main-only', '--reason', 'too loud');
    assert.match(await conductor('rules', 'list'), /main-only\toff\t.*disabled: too loud/);
    const off = await write('main');
    await until(
      'it is decided',
      async () => (await conductor('rules', 'explain', off)).includes('decided ') || undefined,
    );
    assert.match(await conductor('rules', 'explain', off), /disabled {4}main-only {2}disabled: too loud/);
    const unknown = await tool('conductor', ['rules', 'enable', 'main-onl'], { cwd: folder, env });
    assert.is(unknown.code, 2);
    assert.match(unknown.stderr, 'did you mean "main-only"?');
    const { rules } = JSON.parse(await conductor('rules', 'stats', '--json')) as {
      rules: { id: string; fired: number; errors: number }[];
    };
    assert.equal(
      rules.map(({ id, fired, errors }) => [id, id === 'gathered' ? fired > 0 : fired, errors]),
      [
        ['main-only', 1, 0],
        ['gathered', true, 0],
        ['errs', 0, 3],
      ],
    );
    const again = (await conductor('events', 'replay', dev)).trim();
    assert.match(await conductor('events', 'show', again), `"msg_id":"${dev}","kind":"replay_of"`);
    const missing = await tool('conductor', ['rules', 'explain', 'MSG-no'], { cwd: folder, env });
    assert.is(missing.code, 2);
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('of a start that a newer one superseded, explain and trace say so', async () => {
  const env = cleanEnvironment();
  const cwd = temporary('superseded');
  for (const name of ['rules', 'handlers']) mkdirSync(join(cwd, name));
  writeFileSync(join(cwd, 'handlers', 'long.yaml'), "name: long\nsteps: [{ shell: 'sleep 100' }]\n");
  writeFileSync(
    join(cwd, 'rules', 'r.yaml'),
    'rules: [{ id: newest, on: BUILD, do: long, concurrency: { key: type, on_conflict: supersede } }]\n',
  );
  writeFileSync(join(cwd, 'config.yaml'), 'timers: {}\n');
  const service = await startService([], { cwd, env });
  const say = async (name: string, ...args: string[]): Promise<string> =>
    (await tool(name, args, { cwd, env })).stdout.trim();
  try {
    assert.not.match(service.output(), /source +(\S+): \1/, 'the name of a source is said once');
    const first = await say('messagebus-tool', 'write', '--type', 'BUILD');
    await until('it is at work', async () =>
      (await say('messagebus-tool', 'read')).includes('type: RUN_START') ? true : undefined,
    );
    const second = await say('messagebus-tool', 'write', '--type', 'BUILD');
    const superseded = `newest  cancelled: superseded by newest/${second}`;
    const why = await until('it is superseded', async () => {
      const text = await say('conductor', 'rules', 'explain', first);
      return text.includes(superseded) ? text : undefined;
    });
    assert.match(why, /fired {7}newest {2}→ long/);
    const tree = await say('conductor', 'trace', first);
    assert.match(tree, /step 0 {2}cancelled/);
    assert.match(await say('conductor', 'rules', 'explain', second), /fired {7}newest/);
    assert.ok(!(await say('conductor', 'rules', 'explain', second)).includes('later'));
  } finally {
    await say('conductor', 'stop', '--all');
    assert.is(await service.stop(), 0);
  }
});

test.run();
