import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cancelFact } from '../../src/core/activation-facts.js';
import { isGone, until } from '../support/service.js';
import { handler, openWorld, type World } from './world.js';

const withHandler = async (steps: string, work: (world: World) => Promise<void>): Promise<void> => {
  const world = await openWorld({ files: { 'h.yaml': handler('h', steps) } });
  try {
    await work(world);
  } finally {
    await world.close();
  }
};

const waits = (world: World, activation: string, step: string): Promise<unknown> =>
  until(`${step} waits`, () => world.ledger.view.activations.get(activation)?.started.get(step));
const decide = (world: World, approval: string, decision: 'approve' | 'reject', comment = ''): Promise<unknown> =>
  world.ledger.record([
    { type: 'APPROVAL_DECIDED', data: { approval, decision, by: 'ada', comment }, body: `${decision} by ada` },
  ]);

const ASK = `
- { id: before, shell: 'echo before >> log' }
- { id: ok, wait: { approval: 'Deploy {{ event.data.version }}?' } }
- { id: after, env: { BY: '{{ steps.ok.data.by }}' }, shell: 'echo "after $BY" >> log' }
`;

test('an approval waits over restarts, and goes on when it is given', () =>
  withHandler(ASK, async (world) => {
    const activation = await world.begin('h', { version: '2.0' });
    await waits(world, activation, 'ok');
    await world.restart();
    await world.restart('kill');
    assert.is(world.ledger.view.activations.get(activation)!.status, 'open');
    const [asked] = await world.events('APPROVAL_REQUESTED');
    assert.is(asked!.data['question'], 'Deploy 2.0?');
    await decide(world, String(asked!.data['approval']), 'approve');
    assert.is((await world.end(activation))['status'], 'completed');
    assert.is(world.file('log'), 'before\nafter ada\n');
    assert.is((await world.events('APPROVAL_REQUESTED')).length, 1);
  }));

test('a rejected approval fails the handler with the reason', () =>
  withHandler(ASK, async (world) => {
    const activation = await world.begin('h', { version: '2.0' });
    await waits(world, activation, 'ok');
    await decide(world, `${activation}/ok`, 'reject', 'not on a Friday');
    assert.is((await world.end(activation))['error'], 'step ok: rejected by ada: not on a Friday');
    assert.is(world.file('log'), 'before\n');
  }));

test('a decision that came while nobody served counts after the start', () =>
  withHandler(ASK, async (world) => {
    const activation = await world.begin('h', { version: '2.0' });
    await waits(world, activation, 'ok');
    await world.running.bus.record([
      { type: 'CONDUCTOR_PAUSED', body: 'paused' },
      { type: 'APPROVAL_DECIDED', data: { approval: `${activation}/ok`, decision: 'approve', by: 'ada' }, body: '' },
    ]);
    await world.restart();
    assert.is(world.file('log'), 'before\n', 'paused: the next step has not begun');
    await world.running.bus.record([{ type: 'CONDUCTOR_UNPAUSED', body: '' }]);
    assert.is((await world.end(activation))['status'], 'completed');
  }));

test('an approval that nobody gives ends at its timeout, with its default', () =>
  withHandler(
    `
- { id: no, timeout: 50ms, on_error: continue, wait: { approval: 'Go?', default: reject } }
- { id: yes, timeout: 50ms, wait: { approval: 'Go?', default: approve } }
- { id: late, timeout: 50ms, wait: { approval: 'Go?' } }
`,
    async (world) => {
      assert.match(String((await world.go('h'))['error']), 'step late: timeout');
      const steps = await world.steps();
      assert.is(steps['no']!['error'], 'rejected by timeout');
      assert.is(steps['yes']!['status'], 'completed');
    },
  ));

test('a wait for an event takes the one that fits, also after a restart', () =>
  withHandler(
    `
- { id: reply, wait: { event: REPLY, match: { data.ticket: '{{ event.data.ticket }}' }, when: 'event.data.n > 1.0' } }
- { id: after, env: { SAID: '{{ steps.reply.output }} {{ steps.reply.data.data.n }}' }, shell: 'echo "$SAID"' }
`,
    async (world) => {
      const activation = await world.begin('h', { ticket: 'A' });
      await waits(world, activation, 'reply');
      await world.restart();
      await world.say('REPLY', { ticket: 'B', n: 5 }, 'wrong ticket');
      await world.say('REPLY', { ticket: 'A', n: 1 }, 'too small');
      await world.say('REPLY', { ticket: 'A', n: 2 }, 'right');
      assert.is((await world.end(activation))['status'], 'completed');
      assert.is((await world.steps())['after']!['output'], 'right 2\n');
      assert.is(world.ledger.view.waits.size, 0);
    },
  ));

test('an answer that came before the wait began is found where the wait says since when', () =>
  withHandler(
    `
- { id: ask, emit: { type: ASKED } }
- { id: meanwhile, shell: 'messagebus-tool write --type REPLY early' }
- { id: reply, wait: { event: REPLY, since: ask }, timeout: 20s }
`,
    async (world) => {
      assert.is((await world.go('h'))['status'], 'completed');
      assert.is((await world.steps())['reply']!['output'], 'early');
    },
  ));

test('a wait for an event that never comes fails at its timeout, or goes on with that', () =>
  withHandler(
    `
- { id: soft, wait: { event: NEVER }, timeout: 50ms, on_timeout: continue }
- { id: hard, when: steps.soft.data.timed_out, wait: { event: NEVER }, timeout: 50ms }
`,
    async (world) => {
      assert.is((await world.go('h'))['error'], 'step hard: timeout: NEVER did not come in time');
    },
  ));

test('a timer keeps its moment over a restart', () =>
  withHandler(
    `
- { id: pause, wait: 700ms }
- { shell: 'date +%s%3N > woke' }
`,
    async (world) => {
      const activation = await world.begin('h');
      await waits(world, activation, 'pause');
      const due = Date.parse(world.ledger.view.activations.get(activation)!.started.get('pause')!.until!);
      await world.restart();
      assert.is((await world.end(activation))['status'], 'completed');
      assert.is((await world.events('STEP_STARTED')).length, 1, 'it was not begun anew');
      assert.ok(Number(world.file('woke')) >= due);
    },
  ));

test('lanes meet at a barrier, and a lane that fails opens it with an error', () =>
  withHandler(
    `
- id: good
  parallel:
    - { id: a, sequence: [{ shell: 'echo a1 >> log' }, { wait: { barrier: met, parties: 2 } }, { shell: 'echo a2 >> log' }] }
    - { id: b, sequence: [{ shell: 'until [ -s log ]; do sleep 0.02; done; echo b1 >> log' }, { wait: { barrier: met, parties: 2 } }, { shell: 'echo b2 >> log' }] }
- parallel:
    - { id: a, sequence: [{ wait: { barrier: met, parties: 2 } }] }
    - { id: b, shell: 'exit 2' }
`,
    async (world) => {
      const end = await world.go('h');
      assert.match(String(end['error']), 'the barrier "met" cannot open: the lane "b" failed');
      assert.equal(world.file('log').trim().split('\n').slice(0, 2), ['a1', 'b1']);
    },
  ));

test('cancelling ends what runs and what waits, and says so', () =>
  withHandler(
    `
- parallel:
    - { id: run, shell: 'echo $$ > pid; sleep 60' }
    - { id: wait, wait: { event: NEVER } }
- { shell: 'echo never > after' }
`,
    async (world) => {
      const activation = await world.begin('h');
      await waits(world, activation, '0.wait');
      await until('the run is there', () => world.file('pid').endsWith('\n') || undefined);
      await world.ledger.record([cancelFact(world.ledger.view.activations.get(activation)!, 'not needed')]);
      const end = await world.end(activation);
      assert.is(end['status'], 'cancelled');
      assert.is(end['error'], 'not needed');
      assert.ok(isGone(world.file('pid')));
      assert.is(world.file('after'), '');
      assert.is(world.ledger.view.waits.size, 0);
      const checkpoint = JSON.parse(readFileSync(join(world.taskFolder(activation), 'checkpoint.json'), 'utf8')) as {
        status: string;
      };
      assert.is(checkpoint.status, 'cancelled');
    },
  ));

test('stop --all ends everything that is open, and it stays ended', () =>
  withHandler(`- { wait: { event: NEVER } }`, async (world) => {
    const activation = await world.begin('h');
    await world.running.bus.record([{ type: 'CONDUCTOR_STOP_ALL', body: '' }]);
    assert.is((await world.end(activation))['error'], 'stop --all');
    await world.restart();
    await world.running.bus.record([{ type: 'CONDUCTOR_UNPAUSED', body: '' }]);
    assert.is(world.ledger.view.activations.get(activation)!.status, 'cancelled');
  }));

test('nothing begins while the conductor is paused, and all of it afterwards', () =>
  withHandler(`- { shell: 'echo x >> log' }`, async (world) => {
    await world.running.bus.record([{ type: 'CONDUCTOR_PAUSED', body: '' }]);
    const event = await world.say('GO_H');
    const activation = `h/${event}`;
    await until('it is there', () => world.ledger.view.ready.has(activation) || undefined);
    assert.is(world.ledger.view.activations.get(activation)!.hash, undefined);
    await world.running.bus.record([{ type: 'CONDUCTOR_UNPAUSED', body: '' }]);
    assert.is((await world.end(activation))['status'], 'completed');
    assert.is(world.file('log'), 'x\n');
  }));

test('a stop in the middle lets the running step end, and a start goes on after it', () =>
  withHandler(
    `
- { id: one, shell: 'echo begun >> log; while [ ! -e go ]; do sleep 0.02; done; echo one >> log' }
- { id: two, shell: 'echo two >> log' }
`,
    async (world) => {
      const activation = await world.begin('h');
      await until('it runs', () => world.file('log') || undefined);
      // Draining is said before this returns.
      const restarted = world.restart();
      writeFileSync(join(world.work, 'go'), '');
      await restarted;
      assert.is((await world.end(activation))['status'], 'completed');
      assert.is(world.file('log'), 'begun\none\ntwo\n');
      const checkpoint = join(world.taskFolder(activation), 'checkpoint.json');
      assert.ok(existsSync(checkpoint));
      assert.equal((JSON.parse(readFileSync(checkpoint, 'utf8')) as { completed: string[] }).completed, ['one', 'two']);
    },
  ));

test('a handler that is changed goes on as it began; a new activation takes the new one', () =>
  withHandler(ASK, async (world) => {
    const activation = await world.begin('h', { version: '1' });
    await waits(world, activation, 'ok');
    const before = world.running.handlers.find('h')!.hash;
    world.write('h.yaml', handler('h', `- { shell: 'echo new >> log' }`));
    await until('the new one is there', () => world.running.handlers.find('h')!.hash !== before || undefined);
    await world.restart();
    assert.is((await world.go('h'))['status'], 'completed');
    await decide(world, `${activation}/ok`, 'approve');
    assert.is((await world.end(activation))['status'], 'completed');
    assert.is(world.file('log'), 'before\nnew\nafter ada\n');
  }));

test.run();
