import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openAside, TookTooLong, type AsideOptions } from '../../src/operators/aside.js';
import { project, run, temporary, until } from '../support/service.js';

type Answer = { heard: string; thread: number };

const folder = temporary('aside');
const file = join(folder, 'thread.mjs');
writeFileSync(
  file,
  `import { parentPort, threadId } from 'node:worker_threads';
parentPort.on('message', (order) => {
  if (order === 'stuck') for (;;);
  if (order === 'throw') throw new Error('it broke');
  if (order === 'leave') process.exit(3);
  for (const heard of order.split(' ')) parentPort.postMessage({ heard, thread: threadId });
  if (order === 'spin') for (;;);
  parentPort.postMessage('done');
});
parentPort.postMessage('ready');`,
);

const open = (options: Partial<AsideOptions> = {}) =>
  openAside<string, Answer>({ file, most_ms: 60_000, idle_ms: 60_000, ...options });
type One = ReturnType<typeof open>;

const answers = (aside: One, order: string): Promise<Answer[]> => lastValueFrom(aside.ask(order).pipe(toArray()));
const failure = (aside: One, order: string): Promise<unknown> =>
  answers(aside, order).then(
    () => undefined,
    (error: unknown) => error,
  );
const heard = (list: readonly Answer[]): string => list.map((one) => one.heard).join(' ');
const closed = new Error('it is closed');

test('orders are done one after the other, each is told its own answers, and the thread stays', async () => {
  const aside = open();
  const [one, two, three] = await Promise.all(['a b', 'c', 'd e f'].map((order) => answers(aside, order)));
  assert.equal(
    [one, two, three].map((list) => heard(list!)),
    ['a b', 'c', 'd e f'],
  );
  const later = await answers(aside, 'g');
  assert.is(new Set([...one!, ...two!, ...three!, ...later].map(({ thread }) => thread)).size, 1);
  aside.close(closed);
});

test('without a time to stay in, the thread ends with its last order', async () => {
  const aside = open({ idle_ms: 0 });
  const [first] = await answers(aside, 'a');
  const [second] = await answers(aside, 'b');
  assert.is.not(first?.thread, second?.thread);
});

test('an order that takes too long ends its thread, and those behind it are done by another', async () => {
  for (const limits of [{ processor_ms: 1_000 }, { most_ms: 3_000 }]) {
    const aside = open(limits);
    // On a machine that is very slow even these are late.
    const good = (order: string) => until('an answer in time', () => answers(aside, order).catch(() => undefined));
    const [before] = await good('a');
    assert.instance(await failure(aside, 'stuck'), TookTooLong);
    const [after] = await good('b');
    assert.is(after?.heard, 'b');
    assert.is.not(after?.thread, before?.thread);
    aside.close(closed);
  }
});

test('an order that stops answering has had its answers told', async () => {
  const aside = open({ processor_ms: 1_000 });
  const list: string[] = [];
  let error: unknown;
  await aside
    .ask('spin')
    .forEach((answer) => list.push(answer.heard))
    .catch((reason: unknown) => (error = reason));
  assert.equal(list, ['spin']);
  assert.instance(error, TookTooLong);
  aside.close(closed);
});

test('who waits behind an order that is stuck is told so in time, too', async () => {
  const aside = open({ most_ms: 3_000 });
  const errors = await Promise.all([failure(aside, 'stuck'), failure(aside, 'stuck')]);
  for (const error of errors) assert.instance(error, TookTooLong);
  aside.close(closed);
});

test('a thread that dies fails its order alone', async () => {
  const aside = open();
  const [thrown, left, good] = await Promise.all([
    failure(aside, 'throw'),
    failure(aside, 'leave'),
    answers(aside, 'a'),
  ]);
  assert.match(String(thrown), 'it broke');
  assert.match(String(left), 'the thread has ended');
  assert.is(heard(good), 'a');
  aside.close(closed);
});

test('who asks no more ends the thread at work, and takes nothing from the others', async () => {
  const aside = open();
  const stuck = aside.ask('stuck').subscribe();
  const waiting = aside.ask('throw').subscribe();
  const behind = answers(aside, 'a');
  waiting.unsubscribe();
  stuck.unsubscribe();
  assert.is(heard(await behind), 'a');
  aside.close(closed);
});

test('closing tells all who wait, and it can be asked again', async () => {
  const aside = open();
  const errors = Promise.all([failure(aside, 'stuck'), failure(aside, 'a')]);
  aside.close(closed);
  assert.equal(await errors, [closed, closed]);
  assert.is(heard(await answers(aside, 'b')), 'b');
  aside.close(closed);
});

test('a thread without an order keeps no process', async () => {
  const program = join(folder, 'program.ts');
  writeFileSync(
    program,
    `import { openAside } from ${JSON.stringify(join(project, 'src', 'operators', 'aside.ts'))};
const aside = openAside({ file: ${JSON.stringify(file)}, most_ms: 60_000, idle_ms: 3_600_000 });
void aside.ask('a').forEach(({ heard }) => console.log(heard));`,
  );
  const done = await run(process.execPath, ['--import', 'tsx', program], { cwd: project });
  assert.is(done.stdout, 'a\n', done.stderr);
  assert.is(done.code, 0);
});

test.run();
