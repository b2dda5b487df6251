import { join } from 'node:path';
import { readdirSync, symlinkSync, existsSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { project } from '../support/service.js';
import { fills, type Case } from './case.js';
import type { World } from './world.js';

const file = 'conductor-loop-implementation-guide.md';
const on = (section: string, number: number, rest: Omit<Case, 'file' | 'section' | 'number'>): Case => ({
  file,
  section,
  number,
  ...rest,
});

/** The commands of the oldest form stand in the folder itself. */
const link = (world: World, name: string): void => {
  const path = join(world.cwd, name);
  if (!existsSync(path)) symlinkSync(join(project, 'dist', 'cli', 'bin', name), path);
};

const oneRun = async (world: World): Promise<void> => {
  world.write('prompts/one.md', 'echo out of one; echo err of one >&2\n');
  const done = await world.bash('run-agent.sh shell . prompts/one.md');
  assert.is(done.code, 0, done.stderr);
};
const runFolder = (world: World): string => readdirSync(join(world.cwd, 'runs')).find((name) => /^run_\d/.test(name))!;

export const guide: readonly Case[] = [
  on('Quick Start', 1, {
    kind: 'template',
    prepare: (world) => {
      // The script that it starts belongs to another project; ours stands for it.
      world.write('prompts/a.md', 'echo a\n');
      world.write('prompts/b.md', 'echo b\n');
      world.write(
        'run-all-tasks.sh',
        'for prompt in prompts/*.md; do ./run-agent.sh shell . "$prompt" & done; wait\ngrep -h EXIT_CODE runs/run_*/cwd.txt\n',
      );
      link(world, 'run-agent.sh');
    },
    fill: (text, world) => fills(['~/Work/conductor-loop', world.cwd], ['./run-all', 'bash ./run-all'])(text),
    check: (_world, done, round) => {
      assert.is(done.code, 0, done.stderr);
      assert.is(done.stdout.match(/^EXIT_CODE=0$/gm)?.length, 2 * round);
    },
  }),
  on('Quick Start', 2, {
    kind: 'works',
    prepare: async (world) => {
      await oneRun(world);
      // It goes on for ever: one look is enough.
      world.program('watch', '#!/bin/sh\nexec sh -c "$3"\n');
    },
    check: (world, done) => {
      assert.is(done.code, 0, done.stderr);
      assert.match(done.stdout, runFolder(world));
    },
  }),
  on('Quick Start', 3, {
    kind: 'template',
    cwd: 'runs',
    prepare: async (world) => {
      await world.bash('messagebus-tool write "heard by tail"');
      world.program('tail', '#!/bin/sh\n[ "$1" = -f ] && shift\nexec /usr/bin/tail "$@"\n');
    },
    check: (_world, done) => assert.match(done.stdout, 'heard by tail'),
  }),
  on('Quick Start', 4, {
    kind: 'template',
    prepare: oneRun,
    fill: fills(['run_YYYYMMDD-HHMMSS-PID', 'run_*']),
    check: (_world, done) => {
      assert.is(done.code, 0, done.stderr);
      assert.match(done.stdout, 'out of one');
      assert.match(done.stdout, 'err of one');
    },
  }),
  on('Monitoring and Debugging', 1, {
    kind: 'template',
    prepare: async (world) => {
      world.write('docs/dev/issues.md', 'no blockers\n');
      await world.bash("run-agent task --agent shell --prompt 'exit 2'");
    },
    fill: fills(['"ERROR" MESSAGE-BUS.md', '"ERROR" runs/MESSAGE-BUS.md']),
    check: (_world, done, round) => {
      const lines = done.stdout.trimEnd().split('\n');
      assert.match(lines[0]!, /^\d+$/);
      assert.is(lines.filter((line) => line.startsWith('ERROR')).length, round);
      assert.is(lines.at(-1), 'no blockers');
    },
  }),
  on('Monitoring and Debugging', 2, {
    kind: 'template',
    prepare: oneRun,
    fill: fills(['[task-id]', 'run_']),
    check: (_world, done) => {
      assert.is(done.code, 0, done.stderr);
      for (const text of ['run_', 'out of one', 'err of one', 'echo out of one']) assert.match(done.stdout, text);
    },
  }),
  on('Monitoring and Debugging', 3, {
    kind: 'template',
    prepare: (world) => {
      world.write('prompts/again.md', 'echo once more\n');
      link(world, 'run-agent.sh');
    },
    fill: fills(['[agent-type]', 'shell'], ['[cwd]', '.'], ['[task-prompt]', 'again']),
    check: (world, done) => {
      assert.is(done.code, 0, done.stderr);
      const folder = done.stdout.trim();
      assert.is(world.read(join(folder, 'agent-stdout.txt')), 'once more\n');
      assert.match(world.read(join(folder, 'cwd.txt')), /\nEXIT_CODE=0\n$/);
      assert.not(existsSync(join(world.cwd, `${folder}.pid`)));
    },
  }),
  on('Next Steps After Implementation', 1, {
    kind: 'no script',
    reason: 'tests of the Go project; ours are npm test',
  }),
  on('Next Steps After Implementation', 2, {
    kind: 'no script',
    reason: 'the image of the Go project',
  }),
  on('Next Steps After Implementation', 3, {
    kind: 'template',
    prepare: (world) => {
      // It says no prompt: the task's own TASK.md does.
      world.write('runs/test/demo/TASK.md', 'Show what you can do.\n');
      link(world, 'conductor');
    },
    check: async (world, done) => {
      assert.is(done.stdout, 'demo\n', done.stderr);
      const listed = await world.bash('conductor task list --status pending');
      assert.match(listed.stdout, /^test\tdemo\tpending\t/);
    },
  }),
];
