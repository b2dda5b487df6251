import { Subject, filter } from 'rxjs';
import { compileCondition } from '../../src/core/condition.js';
import type { Event } from '../../src/core/event.js';
import { ruleSchema, type Rule } from '../../src/core/rule.js';
import { emptyView } from '../../src/ledger/fold.js';
import { Windows } from '../../src/core/flow/windows.js';
import { compileTable, type CompiledTable } from '../../src/router/compile.js';
import { decide } from '../../src/router/decide.js';
import { inTurns, quantile, type Bench, type Report } from './measure.js';

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

const bench: Bench = async (report) => {
  await decisions(report);
  await conditions(report);
};
export default bench;
