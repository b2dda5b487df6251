import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConductorError } from '../../src/core/errors.js';
import type { Draft } from '../../src/core/event.js';
import type { Log } from '../../src/core/ports.js';
import type { HandlerSignature } from '../../src/core/parameters.js';
import { sayRefusals } from '../../src/core/refusals.js';
import { emptyView, fold } from '../../src/ledger/fold.js';
import { checkTable } from '../../src/router/check-table.js';
import { compileTable } from '../../src/router/compile.js';
import { ruleFileJsonSchema } from '../../src/router/json-schema.js';
import { loadTable } from '../../src/router/load-table.js';
import { runRuleTest } from '../../src/router/rule-tests.js';
import { openRules } from '../../src/router/rule-table.js';
import { openTableStore } from '../../src/router/table-store.js';
import { project, temporary, until } from '../support/service.js';

const worker = join(project, 'dist', 'router', 'table-worker.js');
const good = (id = 'a', more = ''): string => `rules:\n  - { id: ${id}, on: A, do: h${more} }\n`;

const quiet = (): Log & { lines: string[] } => {
  const lines: string[] = [];
  const say = (message: string): void => void lines.push(message);
  return { lines, info: say, warn: say, error: say };
};

const refusal = (text: string, handlers: readonly HandlerSignature[] = [{ name: 'h' }]): ConductorError => {
  try {
    checkTable([{ file: 'r.yaml', text }], handlers);
  } catch (error) {
    assert.instance(error, ConductorError);
    return error as ConductorError;
  }
  throw new Error(`it was taken: ${text}`);
};

test('what is wrong is said with file, line, column and what was meant', () => {
  for (const [text, position, message] of [
    ['rules:\n  - { id: a, on: A, do: h, throtle: {} }', 'r.yaml:2:28', 'did you mean "throttle"?'],
    ['rules:\n  - { id: a, on: A, do: h, throttle: { wthin: 5m } }', 'r.yaml:2:40', 'did you mean "within"?'],
    [
      'rules:\n  - { id: a, on: A, do: h, throttle: { within: 0s } }',
      'r.yaml:2:48',
      '0s is out of bounds; write 1ms to 366d',
    ],
    ['rules:\n  - { id: a, on: A, do: h, debounce: { quiet: 99y } }', 'r.yaml:2:47', '"99y" is no duration'],
    ['rules:\n  - { id: a, on: A, do: h, sustained: { for: 367d } }', 'r.yaml:2:46', '367d is out of bounds'],
    ['rules:\n  - { id: a, on: { all: [A, B], within: 9999d }, do: h }', 'r.yaml:2:41', '9999d is out of bounds'],
    ['rules:\n  - { id: a, on: A, do: h, max_age: 0 }', 'r.yaml:2:37', '0s is out of bounds; write 1s to 36525d'],
    ['x: &x 1\nrules:\n  - { id: *x, on: A, do: h }', 'r.yaml:3:11', 'aliases are not allowed'],
    [`rules:\n  - ${'['.repeat(50_000)}`, 'r.yaml:2:', 'it is nested too deeply'],
    ['rules: []\n---\nrules: []', 'r.yaml:2:1', 'a second document begins here'],
    ['rules:\n  - { id: a, on: A, do: hh }', 'r.yaml:2:25', 'there is no handler "hh"; did you mean "h"?'],
    ['rules:\n  - { id: a, on: A, do: h }\n  - { id: a, on: B, do: h }', 'r.yaml:3:11', 'used twice'],
    ['rules:\n  - id: a\n    on: A\n    do: h\n    when: "event.x =="', 'r.yaml:5:11', 'Unexpected token'],
    ['rules:\n  - { id: a, on: A, do: h, when: "evnt.x == 1" }', 'r.yaml:2:34', 'Unknown variable: evnt'],
    ['rules:\n  - { id: a, on: A, do: h, when: "1 + 2" }', 'r.yaml:2:34', 'not true or false'],
    ['rules:\n  - { id: a, on: A, do: h, when: \'event.body.matches("(a+)+$")\' }', 'r.yaml:2:34', 'linear in time'],
    ['rules:\n  - { id: a, on: A, do: h, match: { branch: x } }', 'r.yaml:2:45', 'did you mean "data.branch"?'],
    ['rules:\n  - { id: a, on: A, do: h, match: { dtaa.branch: x } }', 'r.yaml:2:50', 'did you mean "data.branch"?'],
    ['rules:\n  - { id: a, on: A, do: h, when: "event.dta.x == 1" }', 'r.yaml:2:34', 'did you mean "event.data.x"?'],
    ['rules:\n  - { id: a, on: A, do: h, when: "has(event.sha)" }', 'r.yaml:2:34', 'did you mean "event.data.sha"?'],
    ['rules:\n  - { id: a, on: RUN_*, do: h }', 'r.yaml:2:18', 'reserved types are named one by one'],
    ['rules:\n  - { id: a, on: A, do: h, throttle: { frist: 1 } }', 'r.yaml:2:40', 'did you mean "first"?'],
    ['rules:\n  - { id: a, on: A, do: h, enabled: no }', 'r.yaml:2:37', 'write true or false'],
    ['rules:\n  - { id: a, on: A, do: h, tests: [{ given: {}, expect: fire }] }', 'r.yaml:2:57', '"fires"'],
    ['rules:\n  - { id: a, on: A, do: h, max_age: 9999999999999d }', 'r.yaml:2:37', 'a hundred years at most'],
    ...['tomorrow', '2027-02-30', '2027-01-01T12:00', '2027-13-01', '"1"'].map(
      (date) =>
        [
          `rules:\n  - { id: a, on: A, do: h, expires: ${date} }`,
          'r.yaml:2:37',
          'is no date; write 2027-01-01',
        ] as const,
    ),
    ['rules:', 'r.yaml:1:7', 'is empty'],
    ['rules:\n  - { id: a, on: A, do: h, breaker: { given: 1 } }', 'r.yaml:2:39', 'unknown key "given"'],
    ['rules:\n  - { id: a, on: A, do: h, throttle: { within: soon } }', 'r.yaml:2:48', 'no duration'],
    ['rules:\n  - { id: a, on: { all: [A, B], within: 5m, bi: data.x }, do: h }', 'r.yaml:2:45', 'unknown key "bi"'],
    ['rules:\n  - { id: a, on: A, do: h, match: { data.x: { lte2: 3 } } }', 'r.yaml:2:47', 'lte'],
    ['rules:\n  - { id: a b, on: A, do: h }', 'r.yaml:2:11', 'an id holds'],
    ['rules:\n  - { id: a, on: A', 'r.yaml:', ''],
    ['rules: []', 'r.yaml:1:8', ''],
    ['', 'r.yaml:1:1', ''],
  ] as const) {
    const error = refusal(text);
    assert.is(error.code, 'invalid_file');
    assert.ok(error.message.startsWith(position), `${error.message} begins with ${position}`);
    assert.ok(error.message.includes(message), `${error.message} holds ${message}`);
  }
});

test('a parameter that the handler does not know is said where it stands, with what was meant', () => {
  const signature = (names: string[], closed: boolean): HandlerSignature[] => [
    { name: 'h', parameters: { names, closed } },
  ];
  const given = (text: string): string => `rules:\n  - { id: a, on: A, do: h, with: ${text} }`;
  for (const [text, handler, message] of [
    ['{ brnch: x }', signature(['branch'], true), 'the handler "h" has no parameter "brnch"; did you mean "branch"?'],
    ['{ brnch: x }', signature(['branch'], false), 'did you mean "branch"?'],
    ['{ other: x }', signature(['branch'], true), '"other" (it knows branch)'],
    ['{ other: x }', signature([], true), '"other" (it takes none)'],
  ] as const) {
    const error = refusal(given(text), handler);
    assert.ok(error.message.startsWith('r.yaml:2:36: rule "a": '), error.message);
    assert.ok(error.message.includes(message), error.message);
    assert.is(error.position?.field, `rules[0].with.${text.slice(2, 7)}`);
  }
  for (const [text, handler] of [
    ['{ branch: x, other: y }', signature(['branch'], false)],
    ['{ branch: x, branches: y }', signature(['branch'], false)],
    ['{ branch: x }', signature(['branch', 'depth'], true)],
    ['{ any: x }', [{ name: 'h' }]],
  ] as const)
    checkTable([{ file: 'r.yaml', text: given(text) }], handler);
});

const nested = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
const laughs = Array.from({ length: 30 }, (_, n) => `  x${n}: &x${n} [${n ? `*x${n - 1}, *x${n - 1}` : 'a'}]`).join(
  '\n',
);
const pattern = (text: string): string => good('a', `, when: 're(event.body, "${text}")'`);
const BOMBS: Record<string, string> = {
  'aliases that double': `a:\n${laughs}\nrules: *x29`,
  'deep nesting': `rules: ${nested}`,
  'deep nesting of maps': `rules: ${'{a: '.repeat(20_000)}1${'}'.repeat(20_000)}`,
  'a deep value': `rules: [{ id: a, on: A, do: h, with: ${nested} }]`,
  'a long condition': good('a', `, when: '${'event.a && '.repeat(600)}true'`),
  'a deep condition': good('a', `, when: '${'('.repeat(2_000)}true${')'.repeat(2_000)}'`),
  'a deep condition of lists': good('a', `, when: '${'['.repeat(1_500)}${']'.repeat(1_500)} == []'`),
  'a computed pattern': good('a', `, when: 're(event.body, event.data.p)'`),
  'a backtracking function': good('a', `, when: 'event.body.matches("(a+)+$")'`),
  'a large pattern': pattern('((a{900}){900}){900}'),
  'a pattern of many steps': pattern('(a{30}){300}'),
  'many patterns': good('a', `, when: '${Array.from({ length: 40 }, () => 're(event.body, "a{200}")').join(' || ')}'`),
  'a pattern of deep groups': pattern(`${'('.repeat(1_500)}a${')'.repeat(1_500)}`),
  'binding that doubles': good('a', `, when: 'cel.bind(a, event.body + event.body, cel.bind(b, a + a, b == a))'`),
  'a glob of a long run': good('a', `, match: { data.x: "*${'a'.repeat(900)}*" }`),
  'a long glob': good('a', `, match: { data.x: { glob: "${'a*'.repeat(600)}" } }`),
  'a megabyte': `rules:\n${'#'.repeat(1_000_000)}`,
  'fifty megabytes': `rules:\n${'- '.repeat(25_000_000)}`,
  'many lines': `rules:\n${'\n'.repeat(20_000)}`,
  'a tag': 'rules: !!js/function "function () {}"',
  'merge keys': 'x: &x { on: A }\nrules: [{ <<: *x, id: a, do: h }]',
  'many errors': `rules:\n${'  - { id: "", onn: A }\n'.repeat(9_000)}`,
  'no text': '\u0000\u0001\u0002',
};

for (const [name, text] of Object.entries(BOMBS))
  test(`${name}: refused with its place, and the loop goes on meanwhile`, async () => {
    const folder = temporary('bomb');
    const file = join(folder, 'r.yaml');
    writeFileSync(file, text);
    // The first turn comes when nothing keeps the loop, while the thread is at work.
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 1);
    const error = await loadTable(folder, [{ name: 'h' }], worker).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    clearInterval(turning);
    assert.instance(error, ConductorError);
    const { code, position, message } = error as ConductorError;
    assert.is(code, 'invalid_file', message);
    assert.is(position?.file, file);
    assert.type(position?.line, 'number');
    assert.type(position?.column, 'number');
    assert.ok(turns > 5, `the loop turned ${turns} times`);
  });

test('a file that is slow to check is given up after a second, with its name', async () => {
  const folder = temporary('slow');
  const stuck = join(folder, 'stuck.mjs');
  writeFileSync(
    stuck,
    `import { parentPort } from 'node:worker_threads';
parentPort.on('message', () => { parentPort.postMessage({ placed: [] }); for (;;); });
parentPort.postMessage('ready');`,
  );
  for (const name of ['a.yaml', 'b.yaml']) writeFileSync(join(folder, name), good(name[0]));
  let turns = 0;
  const turning = setInterval(() => (turns += 1), 5);
  let error: unknown;
  await loadTable(folder, [{ name: 'h' }], stuck).catch((reason: unknown) => (error = reason));
  clearInterval(turning);
  assert.match(String(error), `${join(folder, 'b.yaml')}:1:1: checking it took longer than 1000 ms`);
  assert.ok(turns > 5, `the loop turned ${turns} times`);
});

test('a main loop that is at work itself meanwhile refuses no good file', async () => {
  const folder = temporary('busy');
  writeFileSync(join(folder, 'a.yaml'), good('a'));
  let isOver = false;
  const loading = loadTable(folder, [{ name: 'h' }], worker).finally(() => (isOver = true));
  loading.catch(() => undefined);
  let sum = 0;
  // Work of its own, more than a second of the processor each time, while the thread begins and answers.
  for (let n = 0; n < 20 && !isOver; n++) {
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user - user < 1_200_000) for (let k = 0; k < 1e7; k++) sum += k;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(sum > 0);
  assert.is((await loading).table.rules.length, 1);
});

test('ten thousand rules in ten files are taken, in pieces', async () => {
  const folder = temporary('large');
  for (let file = 0; file < 10; file++)
    writeFileSync(
      join(folder, `r${file}.yaml`),
      `rules:\n${Array.from({ length: 1_000 }, (_, n) => `  - { id: r${file}-${n}, on: T${n}, match: { data.b: b${n} }, do: h }`).join('\n')}\n`,
    );
  const rules = await openRules({ folder, handlers: () => [{ name: 'h' }], worker, log: quiet() });
  assert.is(rules.current.rules.length, 10_000);
  assert.is(compileTable(rules.current), compileTable(rules.current), 'compiled once, before it came into force');
  await rules.close();
});

const bodied = (when: string): string => `  - { id: a, on: A, when: '${when}', do: h }`;
const SLOW: Record<string, string> = {
  'a pattern over a long text': bodied('re(event.data.text, "([ab]{1,30}){1,30}[cd]")'),
  'many patterns over a text': bodied(
    Array.from({ length: 40 }, (_, n) => `re(event.data.short, "(a+)+${n}[cd]")`).join(' || '),
  ),
  'patterns in a loop': bodied('event.data.list.exists(x, re(event.data.short, "(a+)+[cd]"))'),
  'loops in loops': bodied('event.data.list.all(x, event.data.list.all(y, event.data.list.all(z, x != z)))'),
  'looking for each of a list': bodied('event.data.list.all(x, x in event.data.list)'),
  'loops over written lists': bodied(
    `[${'1,'.repeat(300)}1].all(x, [${'1,'.repeat(300)}1].all(y, ${'x == y && '.repeat(20)}true))`,
  ),
  'a long text read in a loop': bodied('event.data.list.exists(x, event.data.text.contains("c"))'),
  'a long text taken apart': bodied('event.data.text.split("").exists(x, x == "c")'),
  'time zones looked up in a loop': bodied(
    'event.data.list.all(x, timestamp(event.ts).getHours("Europe/Berlin") >= 0)',
  ),
  'lists that are joined': bodied(
    `(${Array.from({ length: 200 }, () => 'event.data.list').join(' + ')}).all(x, x >= 0.0)`,
  ),
};
const large = {
  text: 'ab'.repeat(1_000_000),
  short: 'a'.repeat(5_000),
  list: Array.from({ length: 2_000 }, (_, n) => n),
};

for (const [name, rule] of Object.entries(SLOW))
  test(`${name}: an error that says so, and the rule stays`, async () => {
    const { world, event } = await import('./world.js');
    const { on, explain } = world(`rules:\n${rule}`);
    for (let time = 0; time < 25; time++) assert.equal(on('A', large).fired, []);
    const [why] = explain(event('A', large));
    assert.match(String(why?.verdict === 'error' && why.message), 'too much work: ');
  });

test('globs, regular expressions and loops of an ordinary size are asked', async () => {
  const { world } = await import('./world.js');
  const { on } = world(`rules:
  - { id: glob, on: A, match: { data.text: "${'a*'.repeat(100)}b" }, do: h }
  - { id: re, on: A, when: 're(event.data.text, "(?i)error|failed|(a+)+b$")', do: h }
  - { id: contains, on: A, when: 'event.data.text.contains("ab")', do: h }
  - { id: loop, on: A, when: 'event.data.commits.exists(c, c.files.exists(f, f.startsWith("src/")))', do: h }
  - { id: small, on: A, when: 'event.data.list.exists(x, x == 7.0)', do: h }`);
  const { list } = large;
  const commits = Array.from({ length: 60 }, () => ({ files: ['a.md', 'src/a.ts'] }));
  assert.equal(on('A', { text: `${'a'.repeat(9_000)}b`, list: list.slice(0, 50), commits }).fired, [
    'glob',
    're',
    'contains',
    'loop',
    'small',
  ]);
  assert.equal(on('A', { text: `${'a'.repeat(20_000)}ba`, list, commits: [] }).fired, ['contains', 'small']);
});

test('a table is swapped while it runs, by every way an editor saves; a bad one leaves the last good one', async () => {
  const folder = temporary('rules');
  const file = join(folder, 'r.yaml');
  const log = quiet();
  writeFileSync(file, good('a'));
  const rules = await openRules({ folder, handlers: () => [{ name: 'h' }], worker, log });
  const inForce = (ids: string): Promise<boolean> =>
    until(`${ids} are in force`, () => rules.current.rules.map(({ id }) => id).join() === ids || undefined);
  try {
    assert.ok(await inForce('a'));
    writeFileSync(file, good('written'));
    assert.ok(await inForce('written'));
    writeFileSync(join(folder, '.r.yaml.swp'), good('renamed'));
    renameSync(join(folder, '.r.yaml.swp'), file);
    assert.ok(await inForce('renamed'));
    renameSync(file, `${file}~`);
    writeFileSync(file, good('backup'));
    unlinkSync(`${file}~`);
    assert.ok(await inForce('backup'));
    writeFileSync(join(folder, 's.yaml'), good('second'));
    assert.ok(await inForce('backup,second'));
    writeFileSync(file, 'rules: [{ id: a, on: A, do: ');
    await until('it is said', () => log.lines.some((line) => line.includes('r.yaml:1:')) || undefined);
    assert.is(rules.current.rules.length, 2, 'the last good table');
    rmSync(file);
    assert.ok(await inForce('second'));
    mkdirSync(join(folder, 'folder.yaml'));
    writeFileSync(join(folder, 's.yaml'), good('third'));
    assert.ok(await inForce('third'), 'a folder is no rule file');
    const times = (part: string): number => log.lines.filter((line) => line.includes(part)).length;
    for (const time of [1, 2]) {
      renameSync(folder, `${folder}-away`);
      await until('it is said', () => times(`${folder}: it cannot be read`) === time || undefined);
      assert.is(rules.current.rules.length, 1, 'a folder that is gone takes no rule with it');
      renameSync(`${folder}-away`, folder);
      await until('it is said, too', () => times('good again') === time || undefined);
    }
    writeFileSync(join(folder, 's.yaml'), good('fourth'));
    assert.ok(await inForce('fourth'));
    symlinkSync('/nowhere', join(folder, 't.yaml'));
    await until('it is said', () => log.lines.some((line) => line.includes('t.yaml: it cannot be read')) || undefined);
  } finally {
    await rules.close();
  }
});

test('that a table was refused is said on the bus once for each fault, when the bus takes it, and that it is good again', async () => {
  const folder = temporary('rules');
  const file = join(folder, 'r.yaml');
  writeFileSync(file, good('a'));
  const said: Draft[] = [];
  let takes = false;
  let tries = 0;
  const record = (facts: readonly Draft[]): Promise<void> => {
    tries += 1;
    if (!takes) return Promise.reject(new ConductorError('storage', 'the disk is full'));
    said.push(...facts);
    return Promise.resolve();
  };
  const log = quiet();
  const rules = await openRules({
    folder,
    handlers: () => [{ name: 'h' }],
    worker,
    say: sayRefusals('RULE_TABLE', record),
    log,
  });
  try {
    writeFileSync(file, 'rules: [{ id: a, on: A, dp: h }]');
    await until('it was tried', () => tries > 0);
    takes = true;
    await until('it is said', () => said.length > 0);
    // The same fault at another look is no news.
    writeFileSync(join(folder, 'other.txt'), '1');
    writeFileSync(file, 'rules: [{ id: a, on: A, dp: h }] # still');
    renameSync(folder, `${folder}-away`);
    await until('another fault is said', () => said.length > 1);
    renameSync(`${folder}-away`, folder);
    await until('that the first is still there, too', () => said.length > 2);
    writeFileSync(file, good('a'));
    await until('that it is good is said', () => said.some(({ type }) => type === 'RULE_TABLE_ACCEPTED'));
  } finally {
    await rules.close();
  }
  assert.equal(
    said.map(({ type, data }) => [type, data?.['line'], data?.['column'], data?.['field']]),
    [
      ['RULE_TABLE_REFUSED', 1, 25, 'rules[0].dp'],
      ['RULE_TABLE_REFUSED', undefined, undefined, undefined],
      ['RULE_TABLE_REFUSED', 1, 25, 'rules[0].dp'],
      ['RULE_TABLE_ACCEPTED', undefined, undefined, undefined],
    ],
  );
  assert.match(said[0]!.body ?? '', /^ERROR: the rule table was not changed: .*r\.yaml:1:25: unknown key "dp"/);
});

test('a rule that came before its handler is taken when the handler comes', async () => {
  const folder = temporary('rules');
  const handlers: HandlerSignature[] = [{ name: 'h' }];
  writeFileSync(join(folder, 'r.yaml'), good('a'));
  const log = quiet();
  const rules = await openRules({ folder, handlers: () => handlers, worker, log });
  writeFileSync(join(folder, 's.yaml'), 'rules: [{ id: b, on: B, do: later }]');
  await until('it is said', () => log.lines.some((line) => line.includes('there is no handler "later"')));
  assert.is(rules.current.rules.length, 1);
  handlers.push({ name: 'later', parameters: { names: ['branch'], closed: true } });
  await until('both are in force', () => rules.current.rules.length === 2 || undefined);
  writeFileSync(join(folder, 's.yaml'), 'rules: [{ id: b, on: B, do: later, with: { depth: 3 } }]');
  await until('it is said', () => log.lines.some((line) => line.includes('has no parameter "depth"')));
  handlers[1] = { name: 'later', parameters: { names: ['branch', 'depth'], closed: true } };
  await until('it is in force', () => rules.current.rules[1]?.with !== undefined || undefined);
  await rules.close();
});

test('the first table must be good', async () => {
  const folder = temporary('rules');
  writeFileSync(join(folder, 'r.yaml'), 'rules: 1');
  let failed: unknown;
  await openRules({ folder, worker, log: quiet() }).catch((error: unknown) => (failed = error));
  assert.instance(failed, ConductorError);
});

test('a table is found again by its hash, wherever it lay', async () => {
  const one = temporary('rules');
  const other = join(temporary('rules'), 'deep');
  mkdirSync(other);
  for (const folder of [one, other]) writeFileSync(join(folder, 'r.yaml'), good('a', ', expires: 2027-01-01'));
  const { table } = await loadTable(one, [{ name: 'h' }]);
  assert.is((await loadTable(other, [{ name: 'h' }], worker)).table.hash, table.hash);
  const store = openTableStore(join(one, 'tables'));
  await store.keep(table);
  assert.equal(JSON.parse(JSON.stringify(await store.find(table.hash))), JSON.parse(JSON.stringify(table)));
  assert.is(await store.find('0000000000000000'), undefined);
  assert.is(await store.find('../../etc/passwd'), undefined);
});

test('the JSON Schema beside the shipped rules is the one that the service checks by', () => {
  const shipped: unknown = JSON.parse(readFileSync(join(project, 'rules', 'rules.schema.json'), 'utf8'));
  assert.equal(shipped, JSON.parse(JSON.stringify(ruleFileJsonSchema())), 'make it anew: conductor rules schema');
  assert.match(
    readFileSync(join(project, 'rules', 'conductor.yaml'), 'utf8'),
    /^# yaml-language-server: \$schema=\.\/rules\.schema\.json/,
  );
});

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  additionalProperties?: Schema | boolean;
}

test('an editor that completes a key can say what it is for, each of them', () => {
  const mute: string[] = [];
  const look = (schema: Schema, path: string): void => {
    for (const [key, below] of Object.entries(schema.properties ?? {})) {
      if (!below.description) mute.push(`${path}.${key}`);
      look(below, `${path}.${key}`);
    }
    for (const below of [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])])
      if (typeof below === 'object') look(below, path);
  };
  look(ruleFileJsonSchema(), '');
  assert.equal(mute, []);
});

test('every rule that is shipped shows by examples whom it answers', () => {
  const file = join(project, 'rules', 'conductor.yaml');
  const placed = checkTable([{ file, text: readFileSync(file, 'utf8') }], undefined);
  const compiled = compileTable({ hash: 'shipped', rules: placed.map(({ rule }) => rule) });
  for (const { rule } of placed) {
    assert.ok(rule.tests && rule.tests.length > 0, `${rule.id} has examples`);
    for (const { name = 'example', given, expect } of rule.tests) {
      const test = { name, given: [given].flat() as Record<string, unknown>[], expect };
      const result = runRuleTest(compiled, rule, test, { view: emptyView(), fold });
      assert.ok(result.ok, `${rule.id}: ${name}: ${result.detail}`);
    }
  }
});

test.run();
