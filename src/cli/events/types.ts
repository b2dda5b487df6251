import { KNOWN } from '../../sources/providers/providers.js';
import type { Mapping } from '../../core/webhook.js';

/** A type of event that is told here: by whom, and the fields that its data may have. */
export interface TypeRow {
  type: string;
  from: string[];
  data: string[];
}

/** What our own sources and the conductor itself say. A rule names these types one by one. */
const OURS: readonly (readonly [type: string, from: string, data: string])[] = [
  ['APPROVAL_DECIDED', 'conductor', 'approval decision by comment'],
  ['APPROVAL_REQUESTED', 'conductor', 'approval question activation step run_id default expires_at'],
  ['CHAIN_LIMIT', 'conductor', 'root reason detail'],
  ['FILE_CHANGED', 'watch', 'changes count truncated'],
  ['HANDLER_FINISHED', 'conductor', 'activation handler status exit error'],
  ['RULE_DISABLED', 'conductor', 'rule reason until'],
  ['RULE_ERROR', 'conductor', 'rule event message count'],
  ['RUN_START', 'conductor', 'run_id project_id task_id agent cwd depth attempt root activation step'],
  ['RUN_STOP', 'conductor', 'run_id status exit exit_code class reason cost_usd usage commits duration_ms'],
  ['SOURCE_FAILED', 'conductor', 'source error failures delay_ms'],
  ['TASK_REQUESTED', 'conductor', 'agent prompt'],
  ['TIMER_FIRED', 'timers', 'name slot missed'],
];

/** The types of a row; one that the payload names is told by what it begins with. */
const typeOf = ({ type }: Mapping): string => (typeof type === 'string' ? type : `${type.prefix}*`);

export const knownTypes = (): TypeRow[] => {
  const found = new Map<string, { from: Set<string>; data: Set<string> }>();
  const add = (type: string, from: string, data: readonly string[]): void => {
    const row = found.get(type) ?? { from: new Set(), data: new Set() };
    found.set(type, row);
    row.from.add(from);
    for (const field of data) row.data.add(field);
  };
  for (const [type, from, data] of OURS) add(type, from, data.split(' '));
  for (const [name, { rows }] of Object.entries(KNOWN))
    for (const row of rows) if (typeOf(row) !== '*') add(typeOf(row), name, Object.keys(row.data));
  return [...found]
    .map(([type, { from, data }]) => ({ type, from: [...from].sort(), data: [...data] }))
    .sort((a, b) => (a.type < b.type ? -1 : 1));
};

export const showTypes = (options: { json?: boolean }): void => {
  const rows = knownTypes();
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ types: rows }, null, 2)}\n`
      : rows.map(({ type, from, data }) => `${type}  ${from.join(', ')}\n  ${data.join(' ')}\n`).join(''),
  );
};
