import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, tool, until, type Done } from '../support/service.js';

const SAY = "name: say\nsteps:\n  - emit: { type: SAID, body: 'x' }\n";
const BROKEN_HANDLER = 'name: bad\nsteps:\n  - emit: { tpe: X }\n';
const HANDLER_FAULT = /handlers\/bad\.yaml:3:13: unknown key "tpe"; did you mean "type"\?/;
const RULE = 'rules:\n  - { id: a, on: PING, match: { data.branch: main }, do: say }\n';
const BROKEN_RULE = 'rules:\n  - { id: b, on: PING, dp: say }\n';
const RULE_FAULT = /rules\/z\.yaml:2:24: unknown key "dp"; did you mean "do"\?/;

/** What was said of files that were refused, or good again, sorted. */
const refusalsIn = async ({ cwd, env }: Pick<ReturnType<typeof world>, 'cwd' | 'env'>): Promise<string[]> => {
  const types = ['RULE_TABLE', 'HANDLER_FILES', 'CONDUCTOR_CONFIG'].flatMap((what) => [
    `${what}_REFUSED`,
    `${what}_ACCEPTED`,
  ]);
  const { stdout } = await tool('conductor', ['events', 'list', '--type', types.join(), '--json'], { cwd, env });
  const { events } = JSON.parse(stdout) as { events: { type: string; authentic: boolean; data: { line?: number } }[] };
  return events.map(({ type, authentic, data: { line } }) => `${type} ${authentic} ${line}`).sort();
};

const world = () => {
  const cwd = realpathSync(temporary('broken'));
  for (const name of ['rules', 'handlers', 'fixtures']) mkdirSync(join(cwd, name));
  const write = (name: string, text: string): void => writeFileSync(join(cwd, name), text);
  write('config.yaml', 'timers: {}\n');
  write('handlers/say.yaml', SAY);
  write('rules/r.yaml', RULE);
  const env = cleanEnvironment();
  const rules = (...args: string[]): Promise<Done> => tool('conductor', ['rules', ...args], { cwd, env });
  const say = async (branch: string): Promise<string> => {
    const args = ['write', '--type', 'PING', '--data', JSON.stringify({ branch }), 'x'];
    return (await tool('messagebus-tool', args, { cwd, env })).stdout.trim();
  };
  return { cwd, env, write, rules, say };
};

test('while a handler and the configuration are broken, all that can be said of rules is said, with what is broken', async () => {
  const { write, rules, say } = world();
  const dev = await say('dev');
  write('handlers/bad.yaml', BROKEN_HANDLER);
  write('config.yaml', 'timers: [\n');

  const explained = await rules('explain', dev);
  assert.is(explained.code, 0);
  assert.match(explained.stdout, /no match {4}a {2}match\.data\.branch: wants "main", was "dev"/);
  assert.match(explained.stderr, HANDLER_FAULT);
  const { broken, verdicts } = JSON.parse((await rules('explain', dev, '--json')).stdout);
  assert.match(broken.join(), HANDLER_FAULT);
  assert.is(verdicts[0].rule, 'a');

  for (const command of ['list', 'stats', 'simulate', 'test']) {
    const { code, stderr } = await rules(command);
    assert.is(code, 0, command);
    assert.match(stderr, HANDLER_FAULT, command);
  }
  const switched = await rules('disable', 'a', '--reason', 'it is too loud');
  assert.is(switched.code, 0);
  assert.match((await rules('list')).stdout, /^a\toff\t.*it is too loud/);
  assert.match((await rules('stats')).stdout, /^a\t0\t.*\tdisabled: it is too loud$/m);
});

test('check says what is wrong in each file, of handlers and of rules, and nothing of what is good', async () => {
  const { write, rules } = world();
  assert.match((await rules('check')).stdout, /^1 rules and 1 handlers are good/);
  write('handlers/bad.yaml', BROKEN_HANDLER);
  write('rules/y.yaml', 'rules: []\n');
  write('rules/z.yaml', BROKEN_RULE);
  const { code, stdout, stderr } = await rules('check');
  assert.is(code, 3);
  assert.is(stdout, '');
  const lines = stderr.trim().split('\n');
  assert.is(lines.length, 3);
  assert.match(lines[0]!, HANDLER_FAULT);
  assert.ok(lines.slice(1).some((line) => RULE_FAULT.test(line)));
  assert.ok(lines.slice(1).some((line) => /rules\/y\.yaml:1:8: rules: /.test(line)));
  const json = await rules('check', '--json');
  assert.is(json.code, 3);
  assert.equal(
    JSON.parse(json.stdout).errors.map(({ line, column, field }: Record<string, unknown>) => [line, column, field])[0],
    [3, 13, 'steps[0].emit.tpe'],
  );
});

test('of handlers, too, those that are good can be listed and drawn while another is broken, and check says each', async () => {
  const { cwd, env, write } = world();
  write('handlers/bad.yaml', BROKEN_HANDLER);
  write('handlers/worse.yaml', 'name: worse\n');
  const handlers = (...args: string[]): Promise<Done> => tool('conductor', ['handlers', ...args], { cwd, env });
  for (const args of [['list'], ['graph', 'say']]) {
    const { code, stderr } = await handlers(...args);
    assert.is(code, 0, args.join(' '));
    assert.match(stderr, HANDLER_FAULT);
  }
  const { code, stdout, stderr } = await handlers('check');
  assert.equal([code, stdout], [3, '']);
  assert.match(stderr, HANDLER_FAULT);
  assert.match(stderr, /handlers\/worse\.yaml:\d+:\d+: /);
});

test('while a rule file is broken, explain and list go by the table that was in force last', async () => {
  const { cwd, env, write, rules, say } = world();
  write('rules/z.yaml', 'rules:\n  - { id: b, on: PING, do: say }\n');
  const service = await startService([], { cwd, env });
  try {
    const main = await say('main');
    await until('it is decided', async () => /^decided /m.test((await rules('explain', main)).stdout));
    write('rules/z.yaml', BROKEN_RULE);
    const explained = await rules('explain', main);
    assert.is(explained.code, 0);
    assert.match(explained.stdout, /fired {7}b {2}→ say/);
    assert.match(explained.stderr, RULE_FAULT);
    assert.match(explained.stderr, /the table that was in force last/);
    const listed = await rules('list');
    assert.is(listed.code, 0);
    assert.match(listed.stdout, /^b\ton\tPING\tsay/m, 'it is still in force');
    assert.is((await rules('disable', 'b')).code, 0);
    for (const command of ['simulate', 'test']) {
      const refused = await rules(command);
      assert.is(refused.code, 3, command);
      assert.match(refused.stderr, RULE_FAULT);
    }
    write('handlers/bad.yaml', BROKEN_HANDLER);
    const refusals = (): Promise<string[]> => refusalsIn({ cwd, env });
    const both = ['HANDLER_FILES_REFUSED true 3', 'RULE_TABLE_REFUSED true 2'];
    await until('both are said on the bus', async () => (await refusals()).length === 2);
    assert.equal(await refusals(), both);
    rmSync(join(cwd, 'handlers', 'bad.yaml'));
    write('rules/z.yaml', 'rules:\n  - { id: b, on: PING, do: say }\n');
    await until('that they are good again, too', async () => (await refusals()).length === 4);
    assert.equal(
      await refusals(),
      ['HANDLER_FILES_ACCEPTED true undefined', 'RULE_TABLE_ACCEPTED true undefined', ...both].sort(),
    );
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('what was refused before the service ended is said to be good again when it begins with good files', async () => {
  const { cwd, env, write } = world();
  const good = { config: 'timers: {}\n', handler: SAY, rule: RULE };
  const bad = { config: 'timrs: {}\n', handler: BROKEN_HANDLER, rule: BROKEN_RULE };
  const save = ({ config, handler, rule }: typeof good): void => {
    write('config.yaml', config);
    write('handlers/say.yaml', handler);
    write('rules/r.yaml', rule);
  };
  const said = async (wanted: readonly string[]): Promise<void> => {
    await until(`${wanted.length} are said`, async () => (await refusalsIn({ cwd, env })).length >= wanted.length);
    assert.equal(await refusalsIn({ cwd, env }), wanted);
  };
  const refused = ['CONDUCTOR_CONFIG_REFUSED true 1', 'HANDLER_FILES_REFUSED true 3', 'RULE_TABLE_REFUSED true 2'];
  const first = await startService([], { cwd, env });
  try {
    save(bad);
    await said(refused);
  } finally {
    assert.is(await first.stop(), 0);
  }
  save(good);
  const accepted = ['CONDUCTOR_CONFIG', 'HANDLER_FILES', 'RULE_TABLE'].map((what) => `${what}_ACCEPTED true undefined`);
  // A third start has nothing to say any more.
  for (let starts = 0; starts < 2; starts++) {
    const next = await startService([], { cwd, env });
    try {
      await said([...refused, ...accepted].sort());
    } finally {
      assert.is(await next.stop(), 0);
    }
  }
});

test('of a message whose record is damaged, explain, trace and show say where that stands', async () => {
  const { cwd, env, rules, say } = world();
  const whole = await say('main');
  const hurt = await say('hurt');
  const bus = join(cwd, 'runs', 'MESSAGE-BUS.md');
  writeFileSync(bus, readFileSync(bus, 'utf8').replace('"hurt"', '"HURT"'));
  const conductor = (...args: string[]): Promise<Done> => tool('conductor', args, { cwd, env });
  for (const args of [['rules', 'explain'], ['trace'], ['events', 'show']]) {
    const { code, stderr } = await conductor(...args, hurt);
    assert.is(code, 2, args.join(' '));
    assert.match(stderr, new RegExp(`the record of ${hurt} is damaged: .*MESSAGE-BUS\\.md: bytes \\d+ to \\d+: `));
    assert.match((await conductor(...args, `${hurt}9`)).stderr, `there is no message ${hurt}9`);
  }
  assert.match((await rules('explain', whole)).stdout, /fired {7}a/);
});

test('an example whose fixture is missing or no event has failed, at its place, and the others are run', async () => {
  const { cwd, write, rules } = world();
  write('fixtures/half.json', '{"data":');
  write('fixtures/text.json', '["main"]');
  write('fixtures/main.json', '{ "data": { "branch": "main" } }');
  write(
    'rules/r.yaml',
    `${RULE.replace(' }\n', ',\n')}      tests:
        [
          { given: ../fixtures/none.json, expect: fires },
          { given: ../fixtures/half.json, expect: fires },
          { given: ../fixtures/text.json, expect: fires },
          { given: { depth: deep }, expect: fires },
          { given: [{ after: soon }], expect: fires },
          { given: ../fixtures/main.json, expect: no_match },
          { given: ../fixtures/main.json, expect: fires },
        ] }
`,
  );
  const { code, stdout } = await rules('test');
  assert.is(code, 2);
  const lines = stdout.trim().split('\n');
  const wanted = [
    /^FAIL a: .*none\.json.*cannot be read: ENOENT.* \(rules\/r\.yaml:5:11\)$/,
    /^FAIL a: .*half\.json.*cannot be read: .*JSON.* \(rules\/r\.yaml:6:11\)$/,
    /^FAIL a: .*text\.json.*holds no event.* \(rules\/r\.yaml:7:11\)$/,
    /^FAIL a: example 4: given\[0\]\.depth: .* \(rules\/r\.yaml:8:11\)$/,
    /^FAIL a: example 5: after: "soon" is no duration \(rules\/r\.yaml:9:11\)$/,
    /^FAIL a: .*main\.json: wanted no_match; fired 1 times \(rules\/r\.yaml:10:11\)$/,
    /^ok {3}a: .*main\.json$/,
    /^1 of 7 examples are as they say$/,
  ];
  assert.is(lines.length, wanted.length);
  wanted.forEach((pattern, index) => assert.match(lines[index]!, pattern));
  const { tests, failed } = JSON.parse((await rules('test', '--json')).stdout);
  assert.is(failed, 6);
  assert.equal([tests[0].ok, tests[0].line, tests[0].column, tests[0].field], [false, 5, 11, 'rules[0].tests[0]']);
  rmSync(join(cwd, 'fixtures', 'main.json'));
  assert.is((await rules('test')).code, 2);
});

test.run();
