import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Subject, filter } from 'rxjs';
import { compileCondition } from '../../src/core/condition.js';
import type { Event } from '../../src/core/event.js';
import { ruleSchema, type Rule } from '../../src/core/rule.js';
import { emptyView } from '../../src/ledger/fold.js';
import { Windows } from '../../src/core/flow/windows.js';
import { compileTable, type CompiledTable } from '../../src/router/compile.js';
import { decide, decideInSlices } from '../../src/router/decide.js';
import { loadTable } from '../../src/router/load-table.js';
import { openRules } from '../../src/router/rule-table.js';
import { project, temporary } from '../support/service.js';
import { largeDeliveries } from './large-deliveries.js';
import { inTurns, longestStop, quantile, type Bench, type Report } from './measure.js';
import { besideDebian, signedDelivery } from './webhooks.js';

const PER_TYPE = 10;
const EVENTS = 2_000;
/** Events a batch, as a busy bus gives them. */
const BATCH = 50;

/** Ten rules a type, each for a branch of its own. */
const rules = (count: number): Rule[] =>
  Array.from({ length: count }, (_, n) =>
    ruleSchema.parse({
      id: `r${n}`,
      on: `TYPE_${Math.floor(n / PER_TYPE)}`,
      match: { 'data.branch': `b${n % PER_TYPE}`, 'data.attempt': { lt: 5 } },
      do: 'h',
    }),
  );

const events = (types: number): Event[] =>
  Array.from({ length: EVENTS }, (_, n) => ({
    msg_id: `MSG-${String(n).padStart(8, '0')}`,
    ts: new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString(),
    type: `TYPE_${(n * 7) % types}`,
    project_id: 'default',
    source: 'bench',
    parents: [],
    depth: 0,
    data: { branch: `b${n % PER_TYPE}`, attempt: n % 4, sha: 'x'.repeat(40) },
    trust: 'full',
    body: '',
    sealed: true,
    authentic: false,
  }));

const deciding = (table: CompiledTable) => ({
  table,
  view: emptyView(),
  windows: new Windows(),
  health: new Map(),
  now: Date.UTC(2026, 0, 1),
});

const decideAll = (table: CompiledTable, list: readonly Event[]): void => {
  const context = deciding(table);
  let fired = 0;
  for (let at = 0; at < list.length; at += BATCH) fired += decide(list.slice(at, at + BATCH), context).fired.length;
  if (fired !== list.length) throw new Error(`${fired} of ${list.length} events fired`);
};

/** What one would write without a table: a filter a rule on one stream. */
const filters = (list: readonly Rule[]) => {
  const events$ = new Subject<Event>();
  let fired = 0;
  for (const { on, match } of list) {
    const [type] = on;
    const branch = match!['data.branch'];
    events$
      .pipe(filter(({ type: of, data }) => of === type && data['branch'] === branch && Number(data['attempt']) < 5))
      .subscribe(() => (fired += 1));
  }
  return (of: readonly Event[]): void => {
    fired = 0;
    for (const event of of) events$.next(event);
    if (fired !== of.length) throw new Error(`${fired} of ${of.length} events fired`);
  };
};

const decisions = async (report: Report): Promise<void> => {
  const many = rules(10_000);
  const manyEvents = events(1_000);
  const table = compileTable({ hash: 'many', rules: many });
  const few = compileTable({ hash: 'few', rules: rules(100) });
  const fewEvents = events(10);
  const some = manyEvents.slice(0, 200);
  const scan = filters(many);
  decideAll(table, manyEvents);
  decideAll(few, fewEvents);
  const rate = (times: number[], count: number): number => (count * 1_000) / quantile(times, 0.5);
  const scanned = await inTurns(
    15,
    () => decideAll(table, manyEvents),
    () => scan(some),
  );
  report({
    name: 'decisions of 10,000 rules over 1,000 types',
    kind: 'rate',
    ours: rate(scanned.ours, EVENTS),
    reference: rate(scanned.reference, some.length),
    against: '10,000 filters on one stream',
    bar: 50,
  });
  const small = await inTurns(
    25,
    () => decideAll(table, manyEvents),
    () => decideAll(few, fewEvents),
  );
  report({
    name: 'one decision of 10,000 rules',
    kind: 'time',
    ours: quantile(small.ours, 0.5) / EVENTS,
    reference: quantile(small.reference, 0.5) / EVENTS,
    against: '100 rules',
    bar: 3,
  });
};

const conditions = async (report: Report): Promise<void> => {
  const condition = compileCondition(
    'event.data.attempt < 5.0 && event.data.branch.startsWith("b") && has(event.data.sha) && event.type != "X"',
    ['event'],
  );
  const list = events(10);
  const turns = 20;
  const all = (): void => {
    for (let turn = 0; turn < turns; turn++)
      for (const event of list) if (!condition({ event })) throw new Error('it should hold');
  };
  all();
  const { ours } = await inTurns(9, all, () => undefined);
  report({
    name: 'one condition of four clauses',
    kind: 'time',
    ours: quantile(ours, 0.5) / (turns * EVENTS),
    reference: 0.005,
    against: '5 µs',
    bar: 1,
  });
};

const nested = (open: string, close: string, depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`;
const withCondition = (when: string): string => `rules:\n  - { id: a, on: A, do: h, when: '${when}' }\n`;
const BOMBS: readonly string[] = [
  `a: &x0 [a]\n${Array.from({ length: 29 }, (_, n) => `b${n}: &x${n + 1} [*x${n}, *x${n}]`).join('\n')}\nrules: *x29\n`,
  `rules: ${nested('[', ']', 20_000)}`,
  withCondition(`${'event.a && '.repeat(300)}true`),
  withCondition(nested('(', ')', 2_000)),
  withCondition('re(event.body, "((a{900}){900}){900}")'),
  withCondition(Array.from({ length: 40 }, () => 're(event.body, "a{200}")').join(' || ')),
  `rules:\n  - { id: a, on: A, do: h, match: { data.x: "*${'a'.repeat(90_000)}*" } }\n`,
  `rules:\n${'  - { id: "", onn: A }\n'.repeat(9_000)}`,
  `rules:\n${'- '.repeat(1_000_000)}`,
];

const letters = (count: number): string => 'ab'.repeat(count / 2);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
/** Conditions made to be slow, each with an event of as much as it is still asked about. */
const SLOW: readonly [when: string, data: (size: number) => Record<string, unknown>][] = [
  ['re(event.data.text, "([ab]{1,30}){1,30}[cd]")', (size) => ({ text: letters(size) })],
  ['re(event.data.text, "(?i)\\\\p{L}{40}\\\\d")', (size) => ({ text: letters(size) })],
  ['re(event.data.text, "(a|aa)+$")', (size) => ({ text: letters(size) })],
  ['event.data.text.split("").exists(x, x == "c")', (size) => ({ text: letters(size) })],
  ['event.data.text.size() < 0', (size) => ({ text: letters(size) })],
  ['event.data.list.all(x, event.data.list.all(y, y >= 0.0))', (size) => ({ list: numbers(size) })],
  ['event.data.list.map(x, {"a": [x, x]}) == []', (size) => ({ list: numbers(size) })],
  ['event.data.list.all(x, timestamp(event.ts).getHours("Asia/Tokyo") >= 0)', (size) => ({ list: numbers(size) })],
];

const slowEvents = async (report: Report): Promise<void> => {
  const [event] = events(1);
  let longest = 0;
  for (const [when, dataOf] of SLOW) {
    const rule = ruleSchema.parse({ id: 'slow', on: event!.type, when, do: 'h' });
    const table = compileTable({ hash: when, rules: [rule] });
    let asked = 0;
    for (let size = 2; size < 4_000_000; size = Math.ceil(size * 1.4)) {
      const list = Array.from({ length: 4 }, (_, n) => ({ ...event!, msg_id: `MSG-${n}`, data: dataOf(size) }));
      const { errors } = decide(list, deciding(table));
      if (errors.length > 0) break;
      asked += 1;
      const slices = (): Promise<unknown> =>
        decideInSlices(list, { ...deciding(table), elapsed: () => performance.now() });
      longest = Math.max(longest, await longestStop(slices));
    }
    if (asked === 0) throw new Error(`it is asked about nothing: ${when}`);
  }
  report({
    name: 'longest stop of the main loop while conditions made to be slow are asked',
    kind: 'time',
    ours: longest,
    reference: 20,
    against: '20 ms',
    bar: 1,
  });
};

/** The service's own way of taking rule files, with files made to be slow, and with ten thousand rules. */
const stops = async (report: Report): Promise<void> => {
  const worker = join(project, 'dist', 'router', 'table-worker.js');
  const folder = temporary('bombs');
  const file = join(folder, 'r.yaml');
  let longest = 0;
  for (const text of BOMBS) {
    writeFileSync(file, text);
    longest = Math.max(
      longest,
      await longestStop(() => loadTable(folder, [{ name: 'h' }], worker).catch(() => undefined)),
    );
  }
  report({
    name: 'longest stop of the main loop while files made to be slow are checked',
    kind: 'time',
    ours: longest,
    reference: 20,
    against: '20 ms',
    bar: 1,
  });
  const large = temporary('large');
  for (let n = 0; n < 10; n++)
    writeFileSync(
      join(large, `r${n}.yaml`),
      `rules:\n${Array.from({ length: 1_000 }, (_, m) => `  - { id: r${n}-${m}, on: T${m}, match: { data.b: b${m} }, when: 'event.data.n < ${m}.0', do: h }`).join('\n')}\n`,
    );
  const quiet = (): void => undefined;
  const open = async (): Promise<void> => {
    const rules = await openRules({
      folder: large,
      handlers: () => [{ name: 'h' }],
      worker,
      log: { info: quiet, warn: quiet, error: quiet },
    });
    await rules.close();
  };
  await open();
  report({
    name: 'longest stop of the main loop while ten thousand rules are loaded',
    kind: 'time',
    ours: await longestStop(open),
    reference: 20,
    against: '20 ms',
  });
};

const bench: Bench = async (report) => {
  await signedDelivery(report);
  await besideDebian(report);
  await decisions(report);
  await conditions(report);
  await slowEvents(report);
  await stops(report);
  await largeDeliveries(report);
};
export default bench;
