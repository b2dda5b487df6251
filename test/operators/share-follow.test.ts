import { Observable, Subject, type Subscriber } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConductorError } from '../../src/core/errors.js';
import type { Batch } from '../../src/core/ports.js';
import { shareFollow } from '../../src/operators/share-follow.js';

/** A bus of numbers: each reading stands somewhere, and reads on to the end when it is told to. */
const numbers = () => {
  let end = 0;
  const readings = new Map<Subscriber<Batch>, number>();
  const readOn = (reading: Subscriber<Batch>): void => {
    const at = readings.get(reading);
    if (at === undefined || at === end) return;
    const events = Array.from({ length: end - at }, (_, n) => ({ msg_id: String(at + n + 1) }));
    readings.set(reading, end);
    reading.next({ events, cursor: String(end), damaged: [] } as unknown as Batch);
  };
  return {
    readings,
    follow: (cursor?: string) =>
      new Observable<Batch>((subscriber) => {
        readings.set(subscriber, Number(cursor ?? 0));
        subscriber.add(() => readings.delete(subscriber));
        readOn(subscriber);
      }),
    /** Said, and read by those readings whose turn it is, counted from the oldest. */
    say(count: number, turns = [...readings.keys()].map((_, n) => n)): void {
      end += count;
      const all = [...readings.keys()];
      for (const n of turns) readOn(all[n]!);
    },
    fail: (error: Error) => [...readings.keys()].forEach((one) => one.error(error)),
  };
};

const listener = (stream: Observable<Batch>) => {
  const heard: number[] = [];
  let error: unknown;
  const subscription = stream.subscribe({
    next: ({ events }) => heard.push(...events.map(({ msg_id }) => Number(msg_id))),
    error: (given: unknown) => (error = given),
  });
  return { heard, error: () => error, leave: () => subscription.unsubscribe() };
};
const from = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, n) => first + n);

test('those who begin at one place are told by one reading', () => {
  const bus = numbers();
  bus.say(3);
  const follow = shareFollow(bus);
  const listeners = [listener(follow()), listener(follow('3')), listener(follow('3'))];
  bus.say(2);
  assert.is(bus.readings.size, 1);
  assert.equal(
    listeners.map(({ heard }) => heard),
    [from(1, 5), from(4, 5), from(4, 5)],
  );
});

test('who begins behind reads alone until it stands where the others do', () => {
  const bus = numbers();
  bus.say(3);
  const follow = shareFollow(bus);
  const first = listener(follow('3'));
  bus.say(1, []);
  // It has read what the others have not yet.
  const second = listener(follow('1'));
  assert.equal(second.heard, [2, 3, 4]);
  assert.is(bus.readings.size, 2);
  bus.say(1, [0]);
  assert.equal(first.heard, [4, 5]);
  assert.equal(second.heard, [2, 3, 4]);
  bus.say(0, [1]);
  assert.equal(second.heard, from(2, 5));
  assert.is(bus.readings.size, 1);
  bus.say(2);
  assert.equal([first.heard, second.heard], [from(4, 7), from(2, 7)]);
});

test('nothing is read before all have come who are waited for, and then once for those who begin together', () => {
  const bus = numbers();
  bus.say(3);
  const follow = shareFollow(bus, 3);
  const gone = listener(follow());
  const first = listener(follow());
  gone.leave();
  assert.equal([first.heard, bus.readings.size], [[], 0]);
  const second = listener(follow('3'));
  assert.is(bus.readings.size, 1);
  assert.equal([gone.heard, first.heard, second.heard], [[], from(1, 3), []]);
  const later = listener(follow('3'));
  bus.say(2);
  assert.equal([first.heard, second.heard, later.heard], [from(1, 5), from(4, 5), from(4, 5)]);
});

test('who is waited for and begins elsewhere reads alone', () => {
  const bus = numbers();
  bus.say(3);
  const follow = shareFollow(bus, 3);
  const all = [listener(follow()), listener(follow('2')), listener(follow())];
  assert.equal(
    all.map(({ heard }) => heard),
    [from(1, 3), [3], from(1, 3)],
  );
  assert.is(bus.readings.size, 1);
});

test('the reading ends with its last listener, whoever began it, and is begun anew for the next', () => {
  const bus = numbers();
  const follow = shareFollow(bus);
  const first = listener(follow());
  const second = listener(follow());
  first.leave();
  bus.say(1);
  assert.equal([first.heard, second.heard], [[], [1]]);
  second.leave();
  assert.is(bus.readings.size, 0);
  bus.say(1);
  assert.equal(listener(follow('1')).heard, [2]);
});

test('an error is told to all, and who comes back begins anew', () => {
  const bus = numbers();
  const follow = shareFollow(bus);
  const both = [listener(follow()), listener(follow())];
  const broken = new ConductorError('storage', 'the disk');
  bus.fail(broken);
  assert.equal(
    both.map(({ error }) => error()),
    [broken, broken],
  );
  bus.say(1);
  assert.equal(listener(follow()).heard, [1]);
});

test('whoever speaks while it is told loses nothing and hears nothing twice', () => {
  const bus = numbers();
  const follow = shareFollow(bus);
  const asked = new Subject<void>();
  asked.subscribe(() => bus.say(1));
  const first = listener(follow());
  const late: ReturnType<typeof listener>[] = [];
  follow().subscribe(({ cursor }) => {
    late.push(listener(follow(cursor)));
    if (cursor === '2') asked.next();
  });
  bus.say(2);
  assert.equal(first.heard, [1, 2, 3]);
  assert.equal(late[0]?.heard, [3]);
  bus.say(1);
  assert.equal(late[1]?.heard, [4]);
});

test.run();
