import { asyncScheduler, concat, defer, EMPTY, merge, NEVER, of, throwError, type Observable } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import type { Event } from '../../src/core/event.js';
import { ConductorError } from '../../src/core/errors.js';
import type { Arrival, Bus, Clock, Receipt, Source } from '../../src/core/ports.js';
import { listen } from '../../src/sources/listen.js';
import { all, logInto, type Logged } from '../api/world.js';
import { until } from '../support/service.js';

const clock: Clock = { now: () => Date.now(), scheduler: asyncScheduler };
const source = (name: string, open: () => Observable<Arrival>): Source => ({ name, description: name, open });
const says = (type: string): Observable<Arrival> => of({ drafts: [{ type }] });
const broken = throwError(() => new Error('no more watches'));

const open = (bus: Bus = openMemoryBus({ clock })) => {
  const lines: Logged[] = [];
  // No jitter: it is opened again at once.
  const ports = { bus, clock, random: () => 0, log: logInto(lines) };
  return {
    bus,
    lines,
    hear: (...sources: Source[]) => merge(...sources.map((one) => listen(ports, one))).subscribe(),
    types: async () => (await all(bus)).map(({ type }) => type),
  };
};

test('a source that dies is opened again until it speaks, and the others go on', async () => {
  const { bus, lines, hear, types } = open();
  let opened = 0;
  const running = hear(
    source('lame', () => defer(() => (++opened <= 5 ? broken : concat(says('CAME_BACK'), NEVER)))),
    source('sound', () => concat(says('FIRST'), NEVER)),
  );
  await until('it speaks', async () => (await types()).includes('CAME_BACK'));
  running.unsubscribe();
  assert.is(opened, 6);
  assert.ok((await types()).includes('FIRST'));
  const failures = lines.filter(({ level }) => level === 'error').map(({ message }) => message);
  assert.is(failures.length, 5);
  assert.match(failures[0] ?? '', /lame died and opens again in 0 ms: no more watches/);
  const said = (await all(bus)).filter(({ type }) => type === 'SOURCE_FAILED');
  assert.equal(
    said.map(({ data }) => data['failures']),
    [1, 2, 4],
  );
  assert.is(said[0]?.source, 'lame');
  assert.match(said[0]?.body ?? '', /^ERROR/);
});

test('one that speaks and dies each time is told as one that stays dead; one that throws when opened is a failure too', async () => {
  const { bus, hear } = open();
  let opened = 0;
  const running = hear(
    source('lame', () => {
      opened += 1;
      if (opened % 2 === 1) throw new ConductorError('storage', 'thrown');
      return opened < 6 ? concat(says('STILL_HERE'), broken) : NEVER;
    }),
  );
  const said = (): Promise<Event[]> => all(bus).then((events) => events.filter(({ type }) => type === 'SOURCE_FAILED'));
  await until('it was opened six times', () => opened === 6);
  running.unsubscribe();
  assert.equal(
    (await said()).map(({ data }) => data['failures']),
    [1, 2, 4],
  );
});

test('each arrival is told its outcome, and a refused one ends nothing', async () => {
  const { hear, lines } = open();
  const outcomes: string[] = [];
  const settle = (outcome: { receipts: readonly Receipt[] } | { error: unknown }) =>
    void outcomes.push('error' in outcome ? (outcome.error as ConductorError).code : `${outcome.receipts.length}`);
  const running = hear(
    source('mixed', () =>
      of(
        { drafts: [{ type: 'GOOD' }, { type: 'GOOD_TOO' }], settle },
        { drafts: [{ type: 'RUN_STOP' }, { type: 'MIXED_WITH_OURS' }], settle },
        { drafts: [{ type: 'TIMER_FIRED' }], settle },
        { drafts: [{ type: 'not a type!' }] },
      ),
    ),
  );
  await until('all are told', () => outcomes.length === 3 && lines.length === 1);
  running.unsubscribe();
  assert.equal(outcomes.sort(), ['1', '2', 'reserved_type']);
  assert.match(lines[0]?.message ?? '', /could not be appended/);
});

test('a death that cannot be said, since the disk is full, is said once there is room', async () => {
  const bus = openMemoryBus({ clock });
  let isFull = true;
  const append: Bus['append'] = (drafts) =>
    isFull ? Promise.reject(new ConductorError('storage', 'no space')) : bus.append(drafts);
  const { hear, lines } = open({ ...bus, append });
  let opened = 0;
  const running = hear(source('lame', () => (++opened === 1 ? broken : NEVER)));
  await until('it was opened again', () => opened === 2);
  isFull = false;
  const [said] = await until('it is said', async () => ((await all(bus)).length > 0 ? all(bus) : undefined));
  running.unsubscribe();
  assert.equal([said?.type, said?.data['failures']], ['SOURCE_FAILED', 1]);
  assert.is(lines.length, 1);
});

test('a source that has nothing more to say just ends', async () => {
  const { hear, lines } = open();
  const running = hear(source('done', () => EMPTY));
  assert.ok(running.closed);
  assert.equal(lines, []);
});

test.run();
