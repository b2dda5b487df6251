import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filter, lastValueFrom } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AttemptSpec } from '../../src/core/ports.js';
import type { RunEnd } from '../../src/core/run.js';
import { temporary, until } from '../support/service.js';
import { openWorld, pidsIn, script, type World } from './world.js';

const endOf = ({ runner }: World, spec: AttemptSpec): Promise<RunEnd> =>
  lastValueFrom(runner.attempt(spec).pipe(filter((event): event is RunEnd => event.kind === 'end')));

const limitsOf = ({ root }: World, run_id: string): Record<string, number> =>
  (
    JSON.parse(readFileSync(join(root.path, '.conductor', 'raw', run_id, 'launch.json'), 'utf8')) as {
      limits: Record<string, number>;
    }
  ).limits;

/** A run that hangs while others are started below it. */
const beginParent = async (world: World, more: Partial<AttemptSpec>, ...acts: Record<string, unknown>[]) => {
  const began = join(temporary('began'), 'pid');
  const spec = world.specOf('claude', script({ note: began }, ...acts, { hang: true }), more);
  const end = endOf(world, spec);
  await until('the parent is at work', () => pidsIn(began).length > 0 || undefined);
  return { spec, end };
};

test('a run that used up its tokens is ended while it works', async () => {
  const line = (id: string, tokens: number): string =>
    `${JSON.stringify({ type: 'assistant', message: { id, content: [], usage: { input_tokens: tokens, output_tokens: 1 } } })}\n`;
  const world = await openWorld({ config: { claude: { limits: { tokens: 1_000 } } } });
  // The lines of one message tell the same twice.
  const { end } = await world.run(
    'claude',
    script({ half: line('a', 600) }, { half: line('a', 600) }, { half: line('b', 600) }, { hang: true }),
  );
  assert.equal([end.status, end.exit, end.reason], ['failed', 2, 'budget']);
  const small = await world.run('claude', script({ half: line('a', 600) }, { half: line('a', 600) }, { result: true }));
  assert.is(small.end.status, 'completed', small.end.error_summary);
});

test('children spend from the budget of the run that started them, and of those above it', async () => {
  const world = await openWorld();
  const parent = await beginParent(world, { limits: { usd: 1, tokens: 1_000 } });
  const below = { parent_run_id: parent.spec.run_id, depth: 1 };
  const child = await beginParent(world, { ...below, limits: { usd: 5 } });
  assert.equal(limitsOf(world, child.spec.run_id), { usd: 1, tokens: 1_000 }, 'no more than is left above');

  const grandchild = await world.run('claude', script({ cost: 0.6 }, { usage: [300, 100] }, { result: true }), {
    parent_run_id: child.spec.run_id,
    depth: 2,
  });
  assert.is(grandchild.end.status, 'completed', grandchild.end.error_summary);
  const second = await beginParent(world, { parent_run_id: child.spec.run_id, depth: 2 });
  assert.equal(limitsOf(world, second.spec.run_id), { usd: 0.4, tokens: 600 });
  await world.runner.stop(second.spec, 'enough');
  await world.runner.stop(child.spec, 'enough');
  assert.equal((await child.end).below, { usd: 0.6, tokens: 400 });

  const more = await world.run('claude', script({ cost: 0.5 }, { result: true }), below);
  assert.is(more.end.reason, 'budget', 'claude itself ends at what it was given, and what it cost counts');
  const none = await world.run('claude', script({ result: true }), below);
  assert.equal([none.end.status, none.end.exit, none.end.reason], ['failed', 2, 'budget']);
  assert.match(none.end.error_summary ?? '', `the budget of ${parent.spec.run_id}, which started it, is used up`);
  await world.runner.stop(parent.spec, 'enough');
  await parent.end;
});

test('a run whose children used up its budget is ended when it hears of them', async () => {
  const world = await openWorld();
  const go = join(temporary('go'), 'go');
  const parent = await beginParent(world, { limits: { usd: 1 } }, { tool: `until [ -e ${go} ]; do sleep 0.05; done` });
  const below = { parent_run_id: parent.spec.run_id, depth: 1 };
  await world.run('claude', script({ cost: 1.2 }, { result: true }), below);
  await world.run('shell', `touch ${go}`);
  const end = await parent.end;
  assert.equal([end.status, end.reason], ['failed', 'budget']);
});

test('what an agent does not tell is made of its tokens and the price of the configuration', async () => {
  const world = await openWorld({ config: { codex: { price: { input: 2, output: 10 } } } });
  const { end } = await world.run('codex', script({ usage: [500_000, 100_000] }, { result: true }));
  assert.is(end.cost_usd, 2);
  // A session that goes on counts from its beginning.
  const again = await world.run('codex', script({ usage: [600_000, 200_000] }, { result: true }), {
    resume_session: end.session_id ?? '',
  });
  assert.equal(again.end.usage, { input_tokens: 100_000, output_tokens: 100_000 });
  assert.is(again.end.cost_usd, 1.2);
});

test.run();
