import { existsSync, mkdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { fills, type Case } from './case.js';

const file = 'conductor-loop-best-practices.md';
const on = (section: string, number: number, rest: Omit<Case, 'file' | 'section' | 'number'>): Case => ({
  file,
  section,
  number,
  ...rest,
});

export const practices: readonly Case[] = [
  on('Task Design', 1, {
    kind: 'works',
    check: (world) => assert.is(world.read('output.md'), 'result\n'),
  }),
  on('Error Handling', 1, {
    kind: 'template',
    fill: fills(['...', '--project-id project --agent codex --prompt "try"']),
    prepare: (world, round) => world.note('fail', round === 1 ? 'child1\n' : ''),
    check: (_world, done, round) => {
      assert.is(done.code, round === 1 ? 1 : 0, done.stderr);
      assert.is(done.stdout.includes('Child task failed with exit code 1'), round === 1);
      assert.is(done.stdout.includes('child1 was too much for me'), round === 1);
    },
  }),
  on('Error Handling', 2, {
    kind: 'works',
    check: (_world, done) => assert.is(done.code, 0),
    // The codes that it lists are the meanings of ours.
    instead: async (world, text) => {
      const codes = [...text.matchAll(/^exit (\d)$/gm)].map(([, code]) => Number(code));
      assert.equal(codes, [0, 1, 2, 3]);
      for (const code of codes) {
        const done = await world.bash(`run-agent task --agent shell --prompt 'exit ${code}'`);
        assert.is(done.code, code);
      }
    },
  }),
  on('Error Handling', 3, {
    kind: 'template',
    fill: fills(['...', '--task-id flaky --agent codex --prompt "try"']),
    prepare: (world, round) => world.note('flaky', round === 1 ? '2' : '9'),
    check: (world, done, round) => {
      assert.is(done.code, round === 1 ? 0 : 1, done.stderr);
      const waited = round === 1 ? ['2', '4'] : ['2', '4', '2', '4', '8'];
      assert.equal(world.calls('sleep.calls'), waited);
      assert.is(world.calls('codex.tasks').length, round === 1 ? 3 : 6);
    },
  }),
  on('Performance Optimization', 1, {
    kind: 'template',
    fill: fills(['...', '--agent codex --prompt "do it"']),
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.equal(world.calls('codex.tasks').slice(-3), ['task1', 'task2', 'task3']);
      assert.is(world.runsOf('default/task1').length, round);
    },
  }),
  on('Performance Optimization', 2, {
    kind: 'template',
    fill: fills(['...', '--agent codex --prompt "do it"']),
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.equal(world.calls('codex.tasks').slice(-3).sort(), ['task1', 'task2', 'task3']);
      for (const task of ['task1', 'task2', 'task3']) assert.is(world.runsOf(`default/${task}`).length, round);
    },
  }),
  on('Performance Optimization', 3, {
    kind: 'no script',
    reason: 'sums, not commands; the limit is defaults.max_concurrent of config.yaml',
    instead: async (world) => {
      world.write('config.yaml', 'defaults: { max_concurrent: 8 }\n');
      const done = await world.bash('conductor config show --json');
      assert.is(JSON.parse(done.stdout).config.defaults.max_concurrent, 8, done.stderr);
    },
  }),
  on('Performance Optimization', 4, {
    kind: 'works',
    check: async (world, done, round) => {
      assert.match(done.stdout, /^MSG-\S+\n$/);
      const said = await world.bash('messagebus-tool read --json');
      const bodies = said.stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { body: string }).body);
      // Byte for byte: the backslashes stay; -e would read them.
      assert.equal(
        bodies,
        Array.from({ length: round }, () => String.raw`Multiple\nlines\nof\nstatus`),
      );
    },
  }),
  on('Performance Optimization', 5, {
    kind: 'works',
    check: (_world, done) => assert.is(new Set(done.stdout.trimEnd().split('\n')).size, 3),
  }),
  on('Performance Optimization', 6, {
    kind: 'template',
    fill: (text) => `analyze_code() { echo "analysis $RANDOM$RANDOM"; }\n${text}`,
    prepare: (world) => {
      world.write('target-file.py', 'print(1)\n');
      mkdirSync(join(world.cwd, 'cache'), { recursive: true });
    },
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.is(done.stdout.includes('Using cached analysis'), round === 2);
      assert.match(world.read('output.md'), /^analysis \d+\n$/);
    },
  }),
  on('Performance Optimization', 7, {
    kind: 'works',
    prepare: (world) => {
      for (const name of ['a.py', 'b.py']) world.write(name, '');
    },
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      // No id was given, so each is a task of its own; no agent was named, so the first that was found did it.
      const tasks = world.calls('claude.tasks');
      assert.is(new Set(tasks).size, 3 * round);
      assert.match(readFileSync(join(world.notes, 'claude.prompts'), 'utf8'), 'analyze b.py');
    },
  }),
  on('Security Considerations', 1, { kind: 'works', check: (_world, done) => assert.is(done.code, 0) }),
  on('Security Considerations', 2, {
    kind: 'works',
    check: (world, done) => {
      assert.is(done.code, 0, done.stderr);
      const secrets = join(world.env['HOME']!, '.secrets');
      assert.is(statSync(secrets).mode & 0o777, 0o700);
      assert.is(statSync(join(secrets, 'claude.token')).mode & 0o777, 0o600);
    },
    // What it leaves is what our configuration asks for.
    instead: async (world, text) => {
      await world.bash(text);
      world.write('config.yaml', 'agents: { claude: { token_file: ~/.secrets/claude.token } }\n');
      const done = await world.bash('run-agent task --agent claude --prompt x');
      assert.is(done.code, 0, done.stderr);
    },
  }),
  on('Security Considerations', 3, {
    kind: 'works',
    env: { USER_INPUT: 'report-1' },
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.is(world.calls('claude.tasks').length, 2 * round);
    },
    instead: async (world, text) => {
      // What the first half warns of: with us the text reaches the agent as text, and no shell sees it.
      const done = await world.bash(text, { env: { USER_INPUT: '$(touch pwned); touch pwned' } });
      assert.is(done.code, 1);
      assert.match(done.stdout, 'Invalid input');
      assert.not(existsSync(join(world.cwd, 'pwned')));
      assert.match(readFileSync(join(world.notes, 'claude.prompts'), 'utf8'), 'process $(touch pwned); touch pwned');
    },
  }),
  on('Security Considerations', 4, {
    kind: 'works',
    env: { TASK_ID: 'audit-1', AGENT: 'claude' },
    prepare: async (world) => {
      // Its path, runs/*/agent-stderr.txt, is that of the oldest form.
      world.write('fails.md', 'echo "authentication failed for ada" >&2\n');
      const done = await world.bash('run-agent.sh shell . fails.md');
      assert.is(done.code, 0, done.stderr);
    },
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.is(world.read('audit.log').trimEnd().split('\n').length, round);
      assert.match(world.read('audit.log'), 'User:ada Task:audit-1 Agent:claude');
      assert.match(world.read('security.log'), 'authentication failed for ada');
    },
  }),
  on('Production Deployment', 1, {
    kind: 'template',
    fill: (text, world) =>
      fills(
        ['"/backups/conductor-runs"', `"${world.cwd}/backups"`],
        ['"/data/conductor-runs"', `"${world.cwd}/runs"`],
      )(text),
    prepare: async (world) => {
      mkdirSync(join(world.cwd, 'backups'), { recursive: true });
      world.write('backups/runs-20200101-000000.tar.gz', 'old');
      utimesSync(join(world.cwd, 'backups/runs-20200101-000000.tar.gz'), 1, 1);
      await world.bash('run-agent task --project-id p --task-id t --agent codex --prompt x');
    },
    check: async (world, done) => {
      assert.is(done.code, 0, done.stderr);
      const listed = await world.bash('tar -tzf "$(ls backups/*.tar.gz | tail -1)"');
      assert.match(listed.stdout, 'runs/MESSAGE-BUS.md');
      assert.match(listed.stdout, 'run-info.yaml');
      assert.not(existsSync(join(world.cwd, 'backups/runs-20200101-000000.tar.gz')));
      assert.match(world.calls('aws.calls').at(-1)!, 's3 sync');
    },
  }),
  on('Production Deployment', 2, {
    kind: 'no script',
    reason: 'a line of a crontab; our own is a timer with the same five fields',
    instead: async (world, text) => {
      const fields = /^([\d*]+ [\d*]+ [\d*]+ [\d*]+ [\d*]+) /m.exec(text)![1]!;
      world.write('config.yaml', `timers: { backup: { cron: "${fields}" } }\n`);
      assert.is((await world.bash('conductor config check')).code, 0);
    },
  }),
  on('Production Deployment', 3, {
    kind: 'works',
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.equal(
        [world.calls('docker.calls'), world.calls('docker-compose.calls'), world.calls('curl.calls')].map(
          (calls) => calls.length,
        ),
        [round, round, round],
      );
    },
  }),
  on('Testing Strategies', 1, {
    kind: 'template',
    prepare: (world) => {
      world.write('my-task.sh', '#!/bin/sh\necho "expected content of $RUN_ID" > output.md\n');
    },
    fill: (text) => `chmod +x my-task.sh\n${text}`,
    check: (_world, done) => {
      assert.is(done.code, 0, done.stdout + done.stderr);
      assert.is(done.stdout.trimEnd().split('\n').length, 2);
    },
  }),
  on('Testing Strategies', 2, {
    kind: 'works',
    prepare: (world) => {
      world.write('test-prompt.md', 'Say whether it works.\n');
      // Its sleeps mean "until it is there": the service the first time, the end of the task the second.
      world.program(
        'sleep',
        `#!/bin/sh
n=0
while [ $n -lt 600 ]; do
  n=$((n + 1))
  if [ "$1" = 3 ]; then grep -q '"pid"' runs/.conductor/service.lock 2>/dev/null && exit 0
  elif [ -z "$(conductor task list --status pending,running)" ]; then exit 0; fi
  /bin/sleep 0.1
done
`,
      );
    },
    check: (_world, done) => {
      assert.is(done.code, 0, done.stdout + done.stderr);
      assert.match(done.stdout, 'Integration test passed');
    },
  }),
  on('Testing Strategies', 3, {
    kind: 'works',
    check: async (world, done, round) => {
      const ids = done.stdout.trimEnd().split('\n');
      // The first and the third are asked for; the second, an agent that nobody knows, is refused and breaks nothing.
      assert.is(ids.length, 2, done.stdout + done.stderr);
      assert.match(done.stderr, 'there is no agent "invalid-agent"');
      const listed = await world.bash('conductor task list --status pending');
      assert.is(listed.stdout.trimEnd().split('\n').length, 2 * round);
    },
    instead: async (world) => {
      world.write('config.yaml', 'timers: {}\nagents: { codex: { timeout: 1 } }\n');
      world.note('hang', '');
      const done = await world.bash(
        'conductor serve >/dev/null 2>&1 &\nconductor task create --agent codex --prompt "infinite loop" --wait\ncode=$?\nkill $!\nwait\nexit $code',
      );
      assert.is(done.code, 1, done.stderr);
      assert.match(done.stderr, 'timeout');
    },
  }),
  on('Testing Strategies', 5, {
    kind: 'no script',
    reason: 'comments alone: what to try; test/chaos does',
  }),
];
