import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import { clock } from '../../src/cli/system.js';
import { ConductorError } from '../../src/core/errors.js';
import type { Draft } from '../../src/core/event.js';
import type { Bus } from '../../src/core/ports.js';
import { gather } from '../../src/operators/gather.js';

/** A bus that notes how many drafts each call brought. */
const counting = (bus: Bus) => {
  const sizes: number[] = [];
  const append: Bus['append'] = (drafts) => {
    sizes.push(drafts.length);
    return bus.append(drafts);
  };
  return { sizes, ...gather({ append, record: bus.record }) };
};

const typesOn = async (bus: Bus): Promise<string[]> => {
  const types: string[] = [];
  for await (const { type } of bus.read({})) types.push(type);
  return types;
};

test('what is appended in one turn of the event loop is one call, and each caller gets its own receipts', async () => {
  const bus = openMemoryBus({ clock });
  const { append, sizes } = counting(bus);
  const [one, two, none] = await Promise.all([
    append([{ type: 'A' }]),
    append([{ type: 'B' }, { type: 'C' }]),
    append([]),
  ]);
  assert.equal(sizes, [3]);
  assert.equal([one.length, two.length, none.length], [1, 2, 0]);
  const found: string[] = [];
  for await (const { msg_id } of bus.read({})) found.push(msg_id);
  assert.equal(
    [...one, ...two].map(({ msg_id }) => msg_id),
    found,
  );
  await append([{ type: 'D' }]);
  assert.equal(sizes, [3, 1]);
  assert.equal(await typesOn(bus), ['A', 'B', 'C', 'D']);
});

test('a call that is refused takes no other along', async () => {
  const bus = openMemoryBus({ clock });
  const { append } = counting(bus);
  const outcomes = await Promise.allSettled([
    append([{ type: 'A' }]),
    append([{ type: 'RUN_START' }]),
    append([{ type: 'B' }, { type: 'not a type', nonsense: 1 } as Draft]),
    append([{ type: 'C' }]),
  ]);
  assert.equal(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.equal((outcomes[1] as PromiseRejectedResult).reason.code, 'reserved_type');
  assert.equal((outcomes[2] as PromiseRejectedResult).reason.code, 'bad_request');
  assert.equal(await typesOn(bus), ['A', 'C']);
});

test('where the bus stores nothing every caller hears it, and nothing is tried twice', async () => {
  let calls = 0;
  const append: Bus['append'] = () => {
    calls += 1;
    return Promise.reject(new ConductorError('storage', 'the disk is full'));
  };
  const { append: say } = gather({ append, record: append });
  const outcomes = await Promise.allSettled([say([{ type: 'A' }]), say([{ type: 'B' }])]);
  assert.equal(calls, 1);
  for (const outcome of outcomes) assert.equal((outcome as PromiseRejectedResult).reason.code, 'storage');
});

test('what is said of our own goes out in the same turn, as a call of its own', async () => {
  const bus = openMemoryBus({ clock });
  const { append, record, sizes } = counting(bus);
  await Promise.all([append([{ type: 'A' }]), record([{ type: 'RUN_LOOP_ENDED' }]), append([{ type: 'B' }])]);
  assert.equal(sizes, [2]);
  assert.equal(await typesOn(bus), ['A', 'B', 'RUN_LOOP_ENDED']);
});

test.run();
