import { tap } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openLists, type Lists } from '../../src/api/lists/lists.js';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import type { Bus, CheckpointFile } from '../../src/core/ports.js';
import { clock, logInto } from './world.js';

const memoryFile = (version = '1'): CheckpointFile & { content: Uint8Array | undefined } => ({
  content: undefined,
  version,
  async load() {
    return this.content;
  },
  async save(content) {
    this.content = content;
  },
});

/** Counts the messages that a reading hands out. */
const counted = (bus: Bus) => {
  let read = 0;
  const follow: Bus['follow'] = (cursor) => bus.follow(cursor).pipe(tap(({ events }) => (read += events.length)));
  return { bus: { ...bus, follow }, read: () => read };
};

const start = (n: number, task_id: string) => ({
  type: 'RUN_START',
  project_id: 'acme',
  task_id,
  data: {
    run_id: `run-${String(n).padStart(4, '0')}`,
    project_id: 'acme',
    task_id,
    agent: 'shell',
    cwd: '/',
    depth: 0,
    attempt: 1,
  },
});
const stop = (n: number) => ({
  type: 'RUN_STOP',
  data: { run_id: `run-${String(n).padStart(4, '0')}`, status: 'completed', exit: 0 },
});

const fill = async (bus: Bus): Promise<void> => {
  for (let n = 0; n < 40; n++) {
    await bus.record([start(n, `task-${n % 3}`)]);
    if (n % 4) await bus.record([stop(n)]);
  }
  await bus.record([
    { type: 'APPROVAL_REQUESTED', project_id: 'acme', data: { approval: 'one/x', question: 'Deploy?' } },
    { type: 'TASK_REQUESTED', project_id: 'acme', task_id: 'asked', data: { prompt: 'go', agent: 'shell', cwd: '/' } },
    { type: 'RUN_DELETED', data: { run_id: 'run-0004' } },
  ]);
};

const seen = (lists: Lists) => ({
  runs: lists.runs.page({ limit: 100 }),
  ofTask: lists.runs.page({ limit: 100, groups: ['acme/task-1'] }),
  tasks: lists.tasks.page({ limit: 100, groups: ['acme'] }),
  activations: lists.activations.page({ limit: 100, groups: ['rule task'] }),
  approvals: [...lists.approvals.all()],
  running: lists.runs.of('status running').map(({ run_id }) => run_id),
  counts: [...lists.counts],
});

test('from a checkpoint the lists show what they show from the whole bus, and go on from there', async () => {
  const { bus, read } = counted(openMemoryBus({ clock }));
  await fill(bus);
  const file = memoryFile();
  const log = logInto([]);
  const first = await openLists({ bus, log, file });
  await first.ready();
  const before = seen(first);
  await first.close();
  const whole = read();
  assert.ok(whole > 70);

  const again = await openLists({ bus, log, file });
  await again.ready();
  assert.equal(seen(again), before);
  assert.is(read(), whole, 'nothing was read a second time');
  // The row that is listed is the one that is changed.
  const [receipt] = await bus.record([stop(0)]);
  await again.until(receipt?.msg_id ?? '');
  assert.is(again.runs.get('run-0000')?.status, 'completed');
  assert.not(again.runs.of('status running').some(({ run_id }) => run_id === 'run-0000'));
  assert.is(again.runs.get('run-0004'), undefined);
  await again.close();

  const plain = await openLists({ bus, log });
  await plain.ready();
  assert.equal(seen(plain), seen(again));
  await plain.close();
});

test('a checkpoint of another version or bus, or one that is none, is not believed', async () => {
  const { bus } = counted(openMemoryBus({ clock }));
  await fill(bus);
  const file = memoryFile();
  const log = logInto([]);
  const first = await openLists({ bus, log, file });
  await first.ready();
  await first.close();
  const runs = async (given: { bus: Bus; file: CheckpointFile }) => {
    const lists = await openLists({ ...given, log });
    await lists.ready();
    await lists.close();
    return lists.runs.size;
  };
  assert.is(await runs({ bus, file: { ...memoryFile('2'), content: file.content } as CheckpointFile }), 39);
  assert.is(await runs({ bus, file: { ...memoryFile(), load: async () => Buffer.from('none') } }), 39);
  assert.is(await runs({ bus: openMemoryBus({ clock }), file }), 0);
});

test('a question is withdrawn when whoever asked has ended or was not answered in time, and asked again when it goes on', async () => {
  const bus = openMemoryBus({ clock });
  const lists = await openLists({ bus, log: logInto([]) });
  const status = async (drafts: Parameters<Bus['record']>[0]) => {
    const receipts = await bus.record(drafts);
    await lists.until(receipts.at(-1)?.msg_id ?? '');
    return Object.fromEntries([...lists.approvals.all()].map((row) => [row.approval, row.status]));
  };
  const asks = (step: string) => ({
    type: 'APPROVAL_REQUESTED',
    data: { approval: `${activation}/${step}`, question: 'Go?', activation, step },
  });
  const [receipt] = await bus.record([{ type: 'HANDLER_REQUESTED', task_id: 't', data: { handler: 'h' } }]);
  const activation = `handler/${receipt?.msg_id}`;
  const ended = (how: string) => ({ type: 'HANDLER_FINISHED', data: { activation, status: how, exit: 1 } });
  const finished = { activation, step: 'late', status: 'failed', attempts: 1, output: '', exit: 2 };

  assert.equal(await status([asks('late'), asks('open'), { type: 'STEP_FINISHED', data: finished }]), {
    [`${activation}/late`]: 'withdrawn',
    [`${activation}/open`]: 'waiting',
  });
  assert.is((await status([ended('failed')]))[`${activation}/open`], 'withdrawn');
  assert.equal(await status([{ type: 'HANDLER_RESUMED', data: { activation } }]), {
    [`${activation}/late`]: 'withdrawn',
    [`${activation}/open`]: 'waiting',
  });
  assert.is((await status([asks('late')]))[`${activation}/late`], 'waiting', 'the step is tried again');
  const decided = { type: 'APPROVAL_DECIDED', data: { approval: `${activation}/late`, decision: 'approve', by: 'x' } };
  assert.equal(await status([decided, ended('cancelled')]), {
    [`${activation}/open`]: 'withdrawn',
    [`${activation}/late`]: 'approve',
  });

  const of = { approval: 'run-0001/ask', question: 'Left?', run_id: 'run-0001' };
  assert.is((await status([start(1, 't'), { type: 'APPROVAL_REQUESTED', data: of }]))['run-0001/ask'], 'waiting');
  assert.is((await status([stop(1)]))['run-0001/ask'], 'withdrawn');
  await lists.close();
});

test.run();
