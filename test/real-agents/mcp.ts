import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { until } from '../support/service.js';
import { promptOf, type World } from './world.js';

/** Below a service of its own. */
const served = async (world: World, work: (world: World) => Promise<void>): Promise<void> => {
  for (const name of ['rules', 'handlers']) mkdirSync(join(world.folder, name), { recursive: true });
  const service = await world.serve();
  try {
    await work(world);
  } finally {
    await service.stop();
  }
};

interface Question {
  approval: string;
  question: string;
}

/** What waits for a person, when something does. */
const asked = (world: World): Promise<Question> =>
  until('it asks', async () => {
    const { stdout } = await world.tool('conductor', 'approve', '--json');
    return (JSON.parse(stdout) as { approvals: Question[] }).approvals[0];
  });

const answer = async (world: World, ...words: string[]): Promise<void> => {
  const done = await world.tool('conductor', 'approve', ...words);
  assert.is(done.code, 0, done.stderr);
};

/** What one real agent does over the Model Context Protocol. */
export const mcpTests = (
  agent: string,
  test: (title: string, work: () => Promise<void>) => void,
  open: () => World,
): void => {
  test('has the tools of the service that started it, and speaks as its run', async () => {
    await served(open(), async (world) => {
      for (const name of agent === 'codex' ? [agent, 'plain'] : [agent]) {
        const task = `mcp-${name}`;
        const done = await world.task(
          task,
          promptOf(
            { mcp: ['read_messages', { limit: 5 }] },
            { mcp: ['post_message', { type: 'FACT', body: `said by ${name}` }] },
            { mcp: ['report_done', { summary: 'all is well' }] },
            { say: 'over' },
          ),
          ...['--agent', name],
        );
        assert.is(done.stdout, 'over\n', done.stderr);
        const read = await world.tool('messagebus-tool', 'read', '--type', 'FACT', '--task-id', task, '--json');
        const message = JSON.parse(read.stdout || '{}') as Record<string, unknown>;
        assert.equal([message['body'], message['run_id']], [`said by ${name}`, world.runsOf(task)[0]]);
        assert.ok(existsSync(join(world.root, 'default', task, 'DONE')), 'report_done makes DONE');
      }
    });
  });

  test('a reader may speak to the service, and start nothing', async () => {
    await served(open(), async (world) => {
      const spawn = { prompt: 'echo x', agent: 'shell', task_id: 'spawned' };
      const done = await world.task(
        'reader',
        promptOf(
          { mcp: ['post_message', { type: 'FACT', body: 'it reads' }] },
          { call: [agent === 'gemini' ? 'mcp_conductor_spawn_run' : 'mcp__conductor__spawn_run', spawn] },
          { say: 'over' },
        ),
        ...['--agent', agent === 'codex' ? 'plain-reader' : 'reader'],
      );
      assert.is(done.stdout, 'over\n', done.stderr);
      const bus = world.bus();
      assert.match(bus, 'it reads');
      assert.not.match(bus, 'TASK_REQUESTED');
    });
  });

  test('starts another agent without a shell, waits for it and is told what it said', async () => {
    await served(open(), async (world) => {
      const child = { prompt: 'echo "the word of $RUN_ID"', agent: 'shell', task_id: 'child' };
      const done = await world.task(
        'parent',
        promptOf(
          { mcp: ['spawn_run', child] },
          { mcp: ['wait_runs', { task_ids: ['child'], timeout_seconds: 60 }] },
          { say: 'over' },
        ),
        ...['--agent', 'plain'],
      );
      assert.is(done.stdout, 'over\n', done.stderr);
      const info = world.info('child');
      assert.match(info, `parent_run_id: ${world.runsOf('parent')[0]}`);
      assert.match(info, /^depth: 1$/m);
      assert.ok(await world.heard(`the word of ${world.runsOf('child')[0]}`), 'the model was told the output');
    });
  });

  test('asks a person and is told the answer', async () => {
    await served(open(), async (world) => {
      const question = { question: 'Left or right?', timeout_seconds: 120 };
      const running = world.task(
        'asking',
        promptOf({ mcp: ['ask_human', question] }, { say: 'over' }),
        '--agent',
        'plain',
      );
      const { approval } = await asked(world);
      await answer(world, approval, '--comment', 'the answer of a person');
      const done = await running;
      assert.is(done.stdout, 'over\n', done.stderr);
      assert.ok(await world.heard('the answer of a person'));
    });
  });

  if (agent === 'claude')
    test('asks a person before it changes something, does what was allowed, and not what was denied', async () => {
      await served(open(), async (world) => {
        const steps = [{ tool: 'echo yes > allowed' }, { tool: 'echo no > denied' }, { say: 'over' }];
        const running = world.task('careful', promptOf(...steps), '--agent', 'careful');
        const first = await asked(world);
        assert.match(first.question, /May Bash be used/);
        assert.match(first.question, 'echo yes > allowed');
        assert.not.ok(existsSync(join(world.work, 'allowed')));
        await answer(world, first.approval);
        const second = await asked(world);
        assert.match(second.question, 'echo no > denied');
        assert.ok(existsSync(join(world.work, 'allowed')), 'what was allowed was done');
        await answer(world, second.approval, '--reject', '--comment', 'a person says no to this');
        const done = await running;
        assert.is(done.stdout, 'over\n', done.stderr);
        assert.not.ok(existsSync(join(world.work, 'denied')));
        assert.ok(await world.heard('a person says no to this'), 'the model was told why');
      });
    });
};
