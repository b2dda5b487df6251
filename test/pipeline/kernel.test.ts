import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHAIN_BUDGET } from '../../src/core/depth.js';
import { isGone, until } from '../support/service.js';
import { handler, openWorld, type World } from './world.js';

const withHandler = async (
  steps: string,
  work: (world: World) => Promise<void>,
  more = {},
  agents = {},
): Promise<void> => {
  const world = await openWorld({ files: { 'h.yaml': handler('h', steps), ...more }, agents });
  try {
    await work(world);
  } finally {
    await world.close();
  }
};

test('a sequence runs in order, hands results on, and ends at the first failure', () =>
  withHandler(
    `
- { id: one, shell: 'echo 1 >> order; echo first' }
- id: group
  sequence:
    - { id: two, env: { SAID: '{{ steps.one.output }}' }, shell: 'echo "2 $SAID" >> order' }
    - { id: three, shell: 'echo 3 >> order; echo no more >&2; exit 2' }
- { id: four, shell: 'echo 4 >> order' }
`,
    async (world) => {
      const end = await world.go('h');
      assert.is(end['status'], 'failed');
      assert.is(end['exit'], 2);
      assert.is(end['error'], 'step group.three: no more');
      assert.is(world.file('order'), '1\n2 first\n\n3\n');
      const steps = await world.steps();
      assert.equal(
        Object.entries(steps).map(([path, { status }]) => `${path} ${String(status)}`),
        ['one completed', 'group.two completed', 'group.three failed', 'group failed'],
      );
    },
  ));

test('parallel runs side by side, keeps to its width, isolates failures and gives all outputs to the next step', () =>
  withHandler(
    `
- id: fan
  on_error: continue
  parallel:
    max_concurrent: 2
    steps:
      - { id: a, shell: 'echo + >> w; while [ "$(wc -l < w)" -lt 2 ]; do sleep 0.01; done; echo out a' }
      - { id: b, shell: 'echo + >> w; while [ "$(wc -l < w)" -lt 2 ]; do sleep 0.01; done; exit 2' }
      - { id: c, shell: 'wc -l < w' }
- { id: join, env: { ALL: '{{ steps.fan.output }}' }, shell: 'printf "%s" "$ALL"' }
- { id: names, when: '!steps.fan.ok && steps.fan.data.lanes.filter(l, l.ok).size() == 2', shell: 'echo two' }
`,
    async (world) => {
      assert.is((await world.go('h'))['status'], 'completed');
      const steps = await world.steps();
      assert.is(steps['fan']!['status'], 'failed');
      assert.is(steps['fan']!['error'], 'step fan.b: it ended with the code 2');
      assert.is(steps['fan.c']!['output'], '2\n');
      assert.is(steps['join']!['output'], '## a\n\nout a\n\n## b\n\n\n\n## c\n\n2\n');
      assert.is(steps['names']!['output'], 'two\n');
    },
  ));

test('fail_fast stops the other lanes, and what they started is gone', () =>
  withHandler(
    `
- parallel:
    fail_fast: true
    steps:
      - { id: slow, shell: 'echo $$ > pid; sleep 60' }
      - { id: bad, shell: 'while [ ! -s pid ]; do sleep 0.01; done; exit 2' }
`,
    async (world) => {
      const end = await world.go('h');
      assert.is(end['error'], 'step 0.bad: it ended with the code 2');
      assert.ok(isGone(world.file('pid')));
      const stops = await world.events('RUN_STOP');
      assert.is(stops.length, 2);
      assert.match(String(stops.find((one) => one.data['reason'])?.data['reason']), 'another lane failed');
    },
  ));

test('map goes over a list, with items of their own, and its result tells of each', () =>
  withHandler(
    `
- id: each
  on_error: continue
  map:
    items: event.data.files
    steps:
      - { id: size, shell: '[ "$ITEM" != bad ] || exit 2; printf %s "$ITEM" | wc -c', output: json }
      - { id: double, env: { N: '{{ steps.size.data }}' }, shell: 'echo $((N * 2))' }
- id: sum
  when: steps.each.data.failed == 1
  env: { ALL: '{% for one in steps.each.data.items %}{{ one.item }}={{ one.output | strip }} {% endfor %}' }
  shell: 'echo "$ALL"'
`,
    async (world) => {
      assert.is((await world.go('h', { files: ['a', 'bbb', 'bad'] }))['status'], 'completed');
      const steps = await world.steps();
      assert.is(steps['each']!['error'], '1 of 3 items failed: bad: step each[2].size: it ended with the code 2');
      assert.is(steps['sum']!['output'], 'a=2 bbb=6 bad= \n');
    },
  ));

test('map goes over the files of a glob', () =>
  withHandler(
    `
- { shell: 'mkdir -p src/in; touch src/b.txt src/in/a.txt src/c.md' }
- { id: each, map: { glob: 'src/**/*.txt', steps: [{ shell: 'echo "$INDEX $ITEM" >> seen' }], max_concurrent: 1 } }
`,
    async (world) => {
      assert.is((await world.go('h'))['status'], 'completed');
      assert.is(world.file('seen'), '0 src/b.txt\n1 src/in/a.txt\n');
    },
  ));

test('branch takes the first case that is true, else its else', () =>
  withHandler(
    `
- id: choice
  branch:
    - { when: 'event.data.n > 10.0', steps: [{ shell: echo big }] }
    - { when: 'event.data.n > 5.0', steps: [{ shell: echo middle }] }
    - { else: [{ shell: echo small }] }
- { shell: 'true', env: {}, when: 'steps.choice.output.startsWith(event.data.expected)' , id: right }
`,
    async (world) => {
      for (const [n, expected] of [
        [20, 'big'],
        [7, 'middle'],
        [1, 'small'],
      ] as const) {
        const activation = await world.begin('h', { n, expected });
        await world.end(activation);
        assert.is((await world.steps(activation))['right']!['status'], 'completed', expected);
      }
    },
  ));

test('of a chain no more runs start than its budget has, also side by side in one handler, and that is said once', () =>
  withHandler(
    `
- id: many
  on_error: continue
  repeat:
    until: 'false'
    max: 3
    steps: [{ parallel: { steps: [{ agent: adder }, { agent: adder }, { agent: adder }] } }]
- { id: last, agent: adder }
`,
    async (world) => {
      const [start] = await world.running.bus.append([{ type: 'NOTED' }]);
      const root = start!.msg_id;
      const runs = Array.from({ length: CHAIN_BUDGET - 4 }, (_, n) => {
        const run = { run_id: `r${n}`, project_id: 'p', task_id: 't', agent: 'shell', cwd: '/', depth: 1, attempt: 1 };
        return [
          { type: 'RUN_START', data: { ...run, root } },
          { type: 'RUN_STOP', data: { run_id: run.run_id } },
        ];
      });
      await world.ledger.record(runs.flat());
      const [said] = await world.running.bus.append([{ type: 'GO_H', parents: [{ msg_id: root, kind: 'root' }] }]);
      const end = await world.end(`h/${said!.msg_id}`);
      assert.is(end['exit'], 2);
      assert.match(String(end['error']), `the chain of ${root} has used its budget of 200 runs`);
      const ran = world.file('ran').trim().split('\n').length;
      assert.ok(ran <= 4 && ran >= 3, `${ran} ran`);
      assert.is((await world.events('CHAIN_LIMIT')).length, 1);
      assert.is(world.ledger.view.chains.get(root), CHAIN_BUDGET - 4 + ran);
    },
    {},
    { adder: { backend: 'command', command: ['sh', '-c', 'echo 1 >> ran'] } },
  ));

test('the scripts of a handler count once in their chain, however many there are', () =>
  withHandler(
    `- { shell: 'true' }
- { map: { items: event.data.items, max_concurrent: 16, steps: [{ shell: 'echo 1 >> ran' }] } }`,
    async (world) => {
      const COUNT = CHAIN_BUDGET + 10;
      const end = await world.go('h', { items: Array.from({ length: COUNT }, (_, index) => index) });
      assert.is(end['status'], 'completed');
      assert.is(world.file('ran').trim().split('\n').length, COUNT);
      assert.equal([...world.ledger.view.chains.values()], [1]);
    },
  ));

test('repeat goes on until its condition holds, sees what the last iteration said, and has a limit', () =>
  withHandler(
    `
- id: loop
  repeat:
    until: steps.count.data >= 3
    max: 4
    steps:
      - { id: count, output: json, env: { BEFORE: '{% if iteration > 1 %}{{ steps.count.data }}{% else %}0{% endif %}' }, shell: 'echo $((BEFORE + 1))' }
- { id: after, when: 'steps.loop.data.iterations == 3 && steps.loop.data.met', shell: 'true' }
- id: endless
  on_error: continue
  repeat: { until: 'false', max: 2, steps: [{ shell: 'true' }] }
- id: unconvinced
  repeat:
    until: steps.check.ok
    max: 1
    steps: [{ id: check, on_error: continue, shell: 'echo 1 test failed; echo at line 7 >&2; exit 2' }]
`,
    async (world) => {
      const end = await world.go('h');
      const steps = await world.steps();
      assert.is(steps['endless']!['error'], '"false" did not hold after 2 iterations');
      assert.is(
        end['error'],
        'step unconvinced: "steps.check.ok" did not hold after 1 iterations; check said:\n1 test failed\n\nat line 7',
      );
      assert.is(steps['after']!['status'], 'completed');
    },
  ));

test('attempt compensates when its try fails, and fails all the same', () =>
  withHandler(
    `
- id: both
  on_error: continue
  attempt:
    try: [{ id: go, shell: 'exit 2' }]
    compensate:
      - { id: bad, shell: 'echo cannot >&2; exit 2' }
      - { id: undo, env: { WHY: '{{ error.message }}' }, shell: 'echo "$WHY" > why' }
- { id: after, env: { E: '{{ steps.both.error }}' }, shell: 'echo "$E"' }
`,
    async (world) => {
      assert.is((await world.go('h'))['status'], 'completed');
      assert.is(world.file('why'), 'step both.go: it ended with the code 2\n');
      assert.is(
        (await world.steps())['after']!['output'],
        'step both.go: it ended with the code 2; the compensation failed too: bad: cannot\n',
      );
    },
  ));

test('a group that fails by a step of before a restart is told of under its own name, and that step once', () =>
  withHandler(
    `
- id: group
  on_error: continue
  attempt:
    try: [{ id: bad, shell: exit 2 }]
    compensate: [{ id: ask, wait: { event: GO_ON } }]
`,
    async (world) => {
      const activation = await world.begin('h');
      const started = () => world.ledger.view.activations.get(activation)!.started;
      await until('it waits', () => started().has('group.compensate.ask') || undefined);
      await world.restart();
      await world.say('GO_ON');
      assert.is((await world.end(activation))['status'], 'completed');
      const told = await world.events('STEP_FINISHED');
      assert.equal(
        told.map(({ data }) => [data['step'], data['status']]),
        [
          ['group.bad', 'failed'],
          ['group.compensate.ask', 'completed'],
          ['group', 'failed'],
        ],
      );
    },
  ));

test('on_error names steps that take the place of what failed: they see why, and what they give is the result', () =>
  withHandler(
    `
- id: fetch
  shell: 'echo half >> log; echo no network >&2; exit 2'
  on_error:
    - { id: say, env: { WHY: '{{ error.message }}' }, shell: 'echo "rescued: $WHY" >> log' }
    - { id: kept, output: json, shell: 'echo "{\\"from\\": \\"cache\\"}"' }
- { id: fine, shell: 'echo fine', on_error: { shell: 'echo never >> log' } }
- { id: after, env: { FROM: '{{ steps.fetch.data.from }} {{ steps.fetch.ok }} {{ steps.fine.output | strip }}' }, shell: 'echo "$FROM" >> log' }
- id: worse
  shell: 'exit 2'
  retry: { attempts: 2, base: 5ms, on: permanent }
  on_error: { shell: 'echo tried >> log; exit 3' }
- { shell: 'echo never >> log' }
`,
    async (world) => {
      const { status, exit, error } = await world.go('h');
      assert.equal([status, exit], ['failed', 3]);
      assert.match(String(error), /step worse\.rescue\.0: .*; it was to answer: step worse\.0: /);
      const log = world.file('log').split('\n');
      assert.is(log[0], 'half');
      assert.match(log[1]!, /^rescued: step fetch\.0: .*no network/);
      assert.equal(log.slice(2), ['cache true fine', 'tried', '']);
      assert.is((await world.steps())['worse.0']!['attempts'], 2);
    },
  ));

test('call runs another handler with parameters, and what it gave is the result', () =>
  withHandler(
    `
- { id: greet, call: { handler: other, with: { name: '{{ event.data.name }}' } } }
- { id: after, env: { SAID: '{{ steps.greet.output }}' }, shell: 'echo "$SAID"' }
- { id: nobody, call: nobody }
`,
    async (world) => {
      const end = await world.go('h', { name: 'Ada' });
      assert.is(end['exit'], 3);
      assert.match(String(end['error']), 'there is no handler "nobody"');
      assert.is((await world.steps())['after']!['output'], 'hello Ada\n\n');
    },
    { 'other.yaml': handler('other', "- { env: { NAME: '{{ with.name }}' }, shell: 'echo hello $NAME' }") },
  ));

test('emit says an event that is caused by the one that was answered', () =>
  withHandler(
    `- { emit: { type: said_so, body: 'to {{ event.data.name }}', data: { name: '{{ event.data.name }}', n: 3 } } }`,
    async (world) => {
      await world.go('h', { name: 'Ada' });
      const [event] = await world.events('SAID_SO');
      assert.is(event!.body, 'to Ada');
      assert.equal(event!.data, { name: 'Ada', n: 3 });
      assert.is(event!.depth, 1);
    },
  ));

test('emit and notify never say what only the service says', () =>
  withHandler(`- { emit: { type: '{{ event.data.type }}' } }`, async (world) => {
    const end = await world.go('h', { type: 'RUN_STOP' });
    assert.match(String(end['error']), 'RUN_STOP is said by the service only');
    assert.is((await world.events('RUN_STOP')).length, 0);
  }));

test('a step is skipped by when, an error in it is a failure that says where', () =>
  withHandler(
    `
- { id: no, when: 'event.data.n == 2', shell: exit 2 }
- { id: wrong, when: 'event.data.missing == 2', shell: exit 2 }
`,
    async (world) => {
      const end = await world.go('h', { n: 1 });
      assert.match(String(end['error']), /^step wrong: .*missing/);
      assert.is((await world.steps())['no']!['status'], 'skipped');
    },
  ));

test('retry tries a process and a group again, and says how often', () =>
  withHandler(
    `
- { id: flaky, retry: { attempts: 3, base: 10ms, cap: 20ms }, shell: 'echo x >> tries; [ "$(wc -l < tries)" -ge 3 ] || exit 1; echo fine' }
- id: group
  retry: { attempts: 3, base: 10ms, cap: 20ms }
  sequence: [{ shell: 'echo y >> more; [ "$(wc -l < more)" -ge 2 ] || exit 1' }]
- { id: never, retry: { attempts: 3, base: 10ms, cap: 20ms }, on_error: continue, shell: 'echo z >> once; exit 2' }
- { id: asked, retry: { attempts: 2, base: 10ms, on: permanent }, shell: 'echo z >> twice; exit 2' }
`,
    async (world) => {
      assert.is((await world.go('h'))['error'], 'step asked: it ended with the code 2');
      const steps = await world.steps();
      assert.is(steps['flaky']!['attempts'], 3);
      assert.is(steps['group']!['attempts'], 2);
      assert.is(world.file('once'), 'z\n');
      assert.is(world.file('twice'), 'z\nz\n');
    },
  ));

test('timeout ends a process, and a group with all that is in it', () =>
  withHandler(
    `
- { id: slow, timeout: 200ms, on_error: continue, shell: 'sleep 60' }
- id: group
  timeout: 3s
  sequence:
    - { shell: 'true' }
    - { shell: 'echo $$ > pid; sleep 60' }
`,
    async (world) => {
      const end = await world.go('h');
      assert.match(String(end['error']), 'step group: timeout: it did not end within 3 s');
      assert.match(String((await world.steps())['slow']!['error']), 'timeout');
      assert.ok(isGone(world.file('pid')));
    },
  ));

test('cache skips what was done with the same inputs and files, and says so', () =>
  withHandler(
    `
- id: work
  cache: { files: 'input.txt', key: '{{ event.data.key }}' }
  shell: 'echo done >> times; wc -l < times'
- { id: after, env: { N: '{{ steps.work.output }}' }, shell: 'echo $N' }
`,
    async (world) => {
      const result = async (key: string): Promise<Record<string, unknown>> => {
        const activation = await world.begin('h', { key });
        await world.end(activation);
        const steps = await world.steps(activation);
        assert.is(String(steps['after']!['output']).trim(), String(steps['work']!['output']).trim());
        return steps['work']!;
      };
      const first = await result('a');
      const again = await result('a');
      assert.is(again['cached'], first['run_id']);
      assert.is(again['output'], '1\n');
      assert.is((await result('b'))['output'], '2\n');
      const { writeFileSync } = await import('node:fs');
      writeFileSync(`${world.work}/input.txt`, 'changed');
      assert.is((await result('a'))['output'], '3\n');
      const said = (await world.events('STEP_FINISHED')).find((event) => event.data['cached']);
      assert.match(said!.body, 'taken from the cache');
    },
  ));

test('data of an event never becomes part of a command', () =>
  withHandler(
    `- { id: echo, env: { NAME: '{{ event.data.name }}' }, shell: 'printf %s "$NAME"; cat > stdin.json' }`,
    async (world) => {
      const name = '$(touch hacked); `touch hacked`; {{ event.msg_id }} " \' \n end';
      await world.go('h', { name });
      assert.is((await world.steps())['echo']!['output'], name);
      assert.is(world.file('hacked'), '');
      assert.is((JSON.parse(world.file('stdin.json')) as { event: { data: { name: string } } }).event.data.name, name);
    },
  ));

test.run();
