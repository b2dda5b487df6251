import { emptyView, fold } from '../../ledger/fold.js';
import { describeFired, describeVerdict } from '../../router/describe.js';
import { explain, type Explanation, type Later } from '../../router/explain.js';
import type { Verdict } from '../../router/verdict.js';
import { openBus } from '../open-bus.js';
import { orDamaged } from '../or-damaged.js';
import { clock } from '../system.js';
import { tableNow, tableStoreOf, type TableOptions } from './load.js';

const LABELS: Record<Verdict['verdict'], string> = {
  fired: 'fired',
  held: 'held',
  suppressed: 'suppressed',
  error: 'error',
  no_match: 'no match',
  not_asked: 'not asked',
  disabled: 'disabled',
};
const ORDER = Object.keys(LABELS);

/** What was decided to be started and waits for its turn was not started. */
const labelOf = (verdict: Verdict): string =>
  verdict.verdict === 'fired' && verdict.progress?.state === 'queued' ? 'queued' : LABELS[verdict.verdict];

const isOtherType = (verdict: Verdict): boolean => verdict.verdict === 'no_match' && verdict.clause === 'on';

const describeLater = (later: Later): string => {
  if ('suppressed' in later) return `${later.suppressed.rule}  ${later.suppressed.reason}: ${later.suppressed.detail}`;
  if ('ended' in later) return `${later.ended.rule}  ${later.ended.status}: ${later.ended.detail}`;
  return `${later.fired.rule}  ${describeFired(later.fired, later.progress)}`;
};

const print = (explanation: Explanation, all: boolean): string => {
  const { event, decided, table, approximate, verdicts, later } = explanation;
  const lines = [`${event.msg_id} ${event.type} (project ${event.project_id}, from ${event.source}) ${event.ts}`];
  lines.push(
    decided === undefined
      ? `not decided yet; by table ${table} it would be:`
      : `decided ${decided} by table ${table}${approximate ? ', which is not kept any more: clauses are those of the table now' : ''}`,
  );
  const shown = verdicts
    .filter((verdict) => all || !isOtherType(verdict))
    .sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
  for (const verdict of shown)
    lines.push(`  ${labelOf(verdict).padEnd(10)}  ${verdict.rule}  ${describeVerdict(verdict)}`);
  const others = verdicts.length - shown.length;
  if (others > 0) lines.push(`  ${others} rules answer other types (--all shows them)`);
  for (const one of later) lines.push(`  later ${one.ts}  ${describeLater(one)}`);
  return `${lines.join('\n')}\n`;
};

export const explainEvent = async (
  msg_id: string,
  options: TableOptions & { root: string; json?: boolean; all?: boolean },
): Promise<void> => {
  const { bus, root } = await openBus(options);
  try {
    const store = tableStoreOf(root.path);
    const { table, broken } = await tableNow(options, store);
    const explanation = await orDamaged(root, msg_id, () =>
      explain(msg_id, {
        events: bus.read(),
        fold,
        view: emptyView(),
        current: table,
        tableOf: (hash) => store.find(hash),
        now: clock.now(),
      }),
    );
    const { verdicts, ...rest } = explanation;
    process.stdout.write(
      options.json
        ? `${JSON.stringify(
            {
              ...rest,
              verdicts: verdicts.map((one) => ({ ...one, why: describeVerdict(one) })),
              ...(broken.length === 0 ? {} : { broken: broken.map(({ message }) => message) }),
            },
            null,
            2,
          )}\n`
        : print(explanation, options.all ?? false),
    );
  } finally {
    await bus.close();
  }
};
