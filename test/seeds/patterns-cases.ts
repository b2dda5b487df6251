import { existsSync, mkdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { startService, until } from '../support/service.js';
import { clock } from '../../src/cli/system.js';
import { openFileBus } from '../../src/bus/file-bus.js';
import { openRoot } from '../../src/storage/root.js';
import { fills, type Case } from './case.js';
import type { World } from './world.js';

const file = 'conductor-loop-patterns.md';
const on = (section: string, number: number, rest: Omit<Case, 'file' | 'section' | 'number'>): Case => ({
  file,
  section,
  number,
  ...rest,
});

const prompts = (world: World, ...names: string[]): void => {
  for (const name of names) world.write(`prompts/${name}.md`, `Do what ${name} says.\n`);
};

/** A health check that ends with its first pause, and leaves what it found. */
const once = (world: World): void => world.program('sleep', '#!/bin/sh\nkill $PPID\n');

const QUOTED_STAR = 'a * inside of double quotes is no pattern, so cat finds nothing';

export const patterns: readonly Case[] = [
  on('Fan-Out Pattern', 1, {
    kind: 'faulty',
    reason: QUOTED_STAR,
    check: (world, done, round) => {
      assert.match(done.stderr, 'No such file');
      for (const item of [1, 2, 3, 4]) assert.is(world.runsOf(`fanout-demo/process-item${item}.txt`).length, round);
      assert.is(world.read('output.md').match(/^## item/gm)?.length, 4);
      assert.not.match(world.read('output.md'), 'success of codex');
    },
    instead: async (world, text) => {
      const ours = fills([
        'cat "runs/fanout-demo/process-$item/*/output.md"',
        'run-agent output --project fanout-demo --task "process-$item"',
      ]);
      for (const _round of [1, 2]) {
        const done = await world.bash(ours(text));
        assert.is(done.code, 0, done.stderr);
        for (const item of [1, 2, 3, 4])
          assert.match(world.read('output.md'), `## item${item}.txt\nsuccess of codex with process-item${item}.txt`);
      }
    },
  }),
  on('Sequential Pipeline', 1, {
    kind: 'works',
    prepare: (world) => prompts(world, 'extract', 'validate', 'publish'),
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.match(done.stdout, 'Pipeline complete!');
      assert.equal(world.calls('codex.tasks').slice(-3), ['stage1-extract', 'stage2-transform', 'stage4-publish']);
      assert.is(world.calls('claude.tasks').length, round);
      // The output of the first stage went into the prompt of the second.
      assert.match(
        readFileSync(join(world.notes, 'codex.prompts'), 'utf8'),
        'Transform this data: success of codex with stage1-extract',
      );
    },
    instead: async (world, text) => {
      prompts(world, 'extract', 'validate', 'publish');
      world.note('fail', 'stage2-transform\n');
      const done = await world.bash(text);
      assert.is(done.code, 1);
      assert.equal(world.calls('codex.tasks'), ['stage1-extract', 'stage2-transform']);
    },
  }),
  on('Map-Reduce Pattern', 1, {
    kind: 'faulty',
    reason: 'its second run finds two runs of the reducer under the *, and cp takes one file; the first run works',
    check: (world, done, round) => {
      assert.is(done.code, round === 1 ? 0 : 1, done.stderr);
      assert.match(world.read('final-results.md'), 'success of codex with reduce-aggregate');
      assert.is(world.calls('codex.tasks').length, 5 * round);
      assert.match(
        readFileSync(join(world.notes, 'codex.prompts'), 'utf8'),
        String.raw`final totals: \nsuccess of codex with map-chunk1\nsuccess of codex with map-chunk2`,
      );
    },
    instead: async (world, text) => {
      const ours = fills([
        'cp runs/$PROJECT_ID/reduce-aggregate/*/output.md final-results.md',
        'run-agent output --project $PROJECT_ID --task reduce-aggregate > final-results.md',
      ]);
      for (const _round of [1, 2]) {
        const done = await world.bash(ours(text));
        assert.is(done.code, 0, done.stderr);
        assert.match(world.read('final-results.md'), 'success of codex with reduce-aggregate');
      }
    },
  }),
  on('Retry with Exponential Backoff', 1, {
    kind: 'works',
    prepare: (world, round) => {
      prompts(world, 'task');
      world.note('flaky', round === 1 ? '3' : '9');
    },
    check: (world, done, round) => {
      assert.is(done.code, round === 1 ? 0 : 1, done.stderr);
      const first = ['2', '4', '8'];
      assert.equal(world.calls('sleep.calls'), round === 1 ? first : [...first, '2', '4', '8', '16']);
      assert.is(world.runsOf('retry-demo/flaky-task').length, round === 1 ? 4 : 9);
    },
  }),
  on('Retry with Exponential Backoff', 2, {
    kind: 'template',
    fill: (text) => `DELAY=4\n${text}`,
    check: (world, done) => {
      assert.is(done.code, 0, done.stderr);
      assert.ok(world.calls('sleep.calls').every((seconds) => Number(seconds) >= 4 && Number(seconds) < 8));
    },
  }),
  on('Health Monitoring Pattern', 1, {
    kind: 'template',
    fill: (text, world) => fills(['/data/runs', `${world.cwd}/data`])(text),
    prepare: async (world, round) => {
      once(world);
      world.program('df', "#!/bin/sh\necho Filesystem\necho '/dev/sda1 100 90 10 90% /data'\n");
      mkdirSync(join(world.cwd, 'data'), { recursive: true });
      for (const name of ['old', 'new']) world.write(`data/${name}.txt`, '');
      utimesSync(join(world.cwd, 'data/old.txt'), 1, 1);
      world.note(round === 1 ? 'curl.fails' : 'none', '');
      await world.bash("run-agent batch --agent shell --prompt 'exit 0' --prompt 'exit 2' --continue-on-fail");
      if (round === 1) return;
      // As "conductor task create" writes them, in one go.
      const root = await openRoot(join(world.cwd, 'runs'));
      const bus = await openFileBus({ root: root.path, key: root.key, clock });
      await bus.record(
        Array.from({ length: 101 }, (_, index) => ({
          type: 'TASK_REQUESTED',
          task_id: `waiting-${index}`,
          data: { prompt: 'x', cwd: '/', agent: 'shell', timeout_ms: 1_000 },
        })),
      );
      await bus.close();
    },
    check: (world, done, round) => {
      // Its first pause ended it.
      assert.is(done.code, null);
      assert.match(done.stdout, 'ALERT: API unhealthy');
      assert.match(done.stdout, 'ALERT: Disk usage at 90%');
      assert.match(done.stdout, 'ALERT: Error rate at 50%');
      assert.is(done.stdout.includes('ALERT: Queue depth at 101'), round === 2, done.stdout);
      assert.not(existsSync(join(world.cwd, 'data/old.txt')));
      assert.ok(existsSync(join(world.cwd, 'data/new.txt')));
    },
  }),
  on('Rolling Deployment Pattern', 1, {
    kind: 'works',
    prepare: (world, round) => world.note('fail', round === 1 ? '' : 'smoke-conductor-3\n'),
    check: (world, done, round) => {
      assert.is(done.code, round === 1 ? 0 : 1, done.stderr);
      const ssh = world.calls('ssh.calls');
      if (round === 1) {
        assert.match(done.stdout, 'Rolling deployment complete!');
        assert.is(ssh.length, 8);
        assert.equal(world.calls('sleep.calls'), ['30', '30', '30', '30']);
        return;
      }
      assert.match(done.stdout, 'Smoke test failed! Rolling back conductor-3');
      assert.match(ssh.at(-1)!, 'conductor-3 docker-compose down');
      assert.not(ssh.slice(8).some((call) => call.startsWith('conductor-4')));
    },
  }),
  on('Parallel Comparison Pattern', 1, {
    kind: 'faulty',
    reason: QUOTED_STAR,
    prepare: (world) => prompts(world, 'analyze'),
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.match(done.stderr, 'No such file');
      for (const agent of ['claude', 'codex', 'gemini'])
        assert.is(world.runsOf(`comparison/analyze-${agent}`).length, round);
      assert.not.match(world.read('comparison.md'), 'success of');
    },
    instead: async (world, text) => {
      prompts(world, 'analyze');
      const ours = fills([
        'cat "runs/$PROJECT_ID/analyze-$agent/*/output.md"',
        'run-agent output --project $PROJECT_ID --task "analyze-$agent"',
      ]);
      const done = await world.bash(ours(text));
      assert.is(done.code, 0, done.stderr);
      for (const agent of ['claude', 'codex', 'gemini'])
        assert.match(world.read('comparison.md'), `## ${agent} Analysis\nsuccess of ${agent} with analyze-${agent}`);
      assert.is(world.calls('claude.tasks').at(-1), 'consensus');
    },
  }),
  on('Hierarchical Decomposition', 1, {
    kind: 'works',
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      for (const module of ['module-a', 'module-b', 'module-c'])
        assert.is(world.runsOf(`default/${module}`).length, round);
    },
    instead: async (world, text) => {
      // Inside of a run, what is started belongs to it: its project, its root, one deeper.
      world.write('root.sh', text);
      const done = await world.bash(
        'run-agent task --project-id tree --task-id root --agent shell --prompt-file root.sh',
      );
      assert.is(done.code, 0, done.stderr);
      const [run] = world.runsOf('tree/root');
      const [child] = world.runsOf('tree/module-a');
      const info = world.read(join('runs/tree/module-a', child!, 'run-info.yaml'));
      assert.match(info, `parent_run_id: ${run}`);
      assert.match(info, 'depth: 1');
    },
  }),
  on('Hierarchical Decomposition', 2, {
    kind: 'works',
    env: { MODULE_NAME: 'module-a' },
    check: (world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      for (const unit of [1, 2, 3]) assert.is(world.runsOf(`default/module-a-unit-${unit}`).length, round);
    },
  }),
  on('Hierarchical Decomposition', 3, {
    kind: 'works',
    env: { CURRENT_DEPTH: '15', MAX_DEPTH: '16' },
    check: (_world, done) => assert.is(done.code, 0, done.stderr),
    instead: async (world, text) => {
      // A run is told its own.
      world.write('depth.sh', `${text}\necho "$CURRENT_DEPTH of $MAX_DEPTH"\n`);
      const done = await world.bash('unset CURRENT_DEPTH; run-agent task --agent shell --prompt-file depth.sh');
      assert.is(done.stdout, '0 of 16\n', done.stderr);
      const deep = await world.bash(text, { env: { CURRENT_DEPTH: '16' } });
      assert.is(deep.code, 1);
      assert.match(deep.stdout, 'Maximum depth reached');
    },
  }),
  on('Event-Driven Workflow', 1, {
    kind: 'faulty',
    reason:
      'the while at the end of a pipe is a shell of its own: LAST_MSG_ID is lost, so every poll sees every message anew; TIMESTAMP is set nowhere',
    fill: fills(['...', '--agent codex --prompt "answer"']),
    prepare: async (world, round) => {
      if (round === 1)
        for (const type of ['CODE_PUSHED', 'DEPLOY_REQUESTED'])
          await world.bash(`messagebus-tool write --type ${type} x`);
      // Two polls.
      world.note('polls', '');
      world.program(
        'sleep',
        `#!/bin/sh\necho x >> '${world.notes}/polls'\n[ $(wc -l < '${world.notes}/polls') -lt 2 ] || kill $PPID\n`,
      );
    },
    check: async (world, _done, round) => {
      // What it started goes on after its end.
      await until('the agents were started', () => world.calls('codex.tasks').length >= 4 * round);
      assert.is(world.calls('codex.tasks').filter((task) => task === 'ci-run-').length, 2 * round);
    },
    instead: async (world) => {
      world.write('rules/dispatch.yaml', 'rules: [{ id: ci, on: CODE_PUSHED, do: answer }]\n');
      world.write('handlers/answer.yaml', 'name: answer\nsteps: [{ id: answer, agent: codex, prompt: answer }]\n');
      await world.bash('messagebus-tool write --type CODE_PUSHED first');
      const service = await startService([], { cwd: world.cwd, env: world.env });
      try {
        await until('the first is answered', () => world.calls('codex.tasks').length === 1);
        await world.bash('messagebus-tool write --type CODE_PUSHED second');
        await until('the second is answered', () => world.calls('codex.tasks').length === 2);
      } finally {
        assert.is(await service.stop(), 0);
      }
      assert.is(new Set(world.calls('codex.tasks')).size, 2, 'each once');
    },
  }),
  on('Checkpoint and Resume', 1, {
    kind: 'faulty',
    reason: 'jq reads a checkpoint.json that nobody made, so nothing is kept; with one to begin with it works',
    fill: fills(['...', '--agent codex --prompt "step"']),
    prepare: (world, round) => world.note('fail', round === 1 ? 'step3\n' : ''),
    check: (world, done, round) => {
      assert.is(done.code, round === 1 ? 1 : 0, done.stderr);
      assert.match(done.stderr, round === 1 ? 'jq' : 'operator expected');
      // The second run begins anew.
      assert.equal(world.calls('codex.tasks').slice(3, 6), round === 1 ? [] : ['step1', 'step2', 'step3']);
    },
    instead: async (world, text) => {
      const ours = `[ -f checkpoint.json ] || echo '{"completed":[],"current_step":0}' > checkpoint.json\n${text}`;
      world.note('fail', 'step3\n');
      assert.is((await world.bash(ours)).code, 1);
      world.note('fail', '');
      const done = await world.bash(ours);
      assert.is(done.code, 0, done.stderr);
      assert.match(done.stdout, 'Skipping step2 (already completed)');
      assert.equal(world.calls('codex.tasks'), ['step1', 'step2', 'step3', 'step3', 'step4', 'step5']);
    },
  }),
];
