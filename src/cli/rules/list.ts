import type { RuleState } from '../../core/ledger-view.js';
import { newRuleState, offBecause } from '../../core/rule-state.js';
import type { Rule } from '../../core/rule.js';
import { openBlobs } from '../../bus/blobs.js';
import { openLedger } from '../../ledger/ledger.js';
import { age } from '../ages.js';
import { checkpointFile } from '../checkpoint-file.js';
import { openBus } from '../open-bus.js';
import { clock } from '../system.js';
import { printTable } from '../table.js';
import { tableNow, tableStoreOf, type TableOptions } from './load.js';

interface Row extends Omit<RuleState, 'switched'> {
  id: string;
  on: string;
  do: string;
  enabled: boolean;
  /** Why it is off, or how it differs from the others. */
  note: string;
}

const typesOf = ({ on, correlate }: Rule): string =>
  correlate ? `${correlate.mode}: ${correlate.of.map((part) => part.on.join('|')).join(', ')}` : on.join(', ');

const flow = (rule: Rule): string =>
  (['throttle', 'debounce', 'threshold', 'sustained', 'concurrency', 'budget', 'breaker', 'backstop', 'stop'] as const)
    .filter((name) => rule[name])
    .join(' ');

const rowsOf = async (options: TableOptions & { root: string }): Promise<Row[]> => {
  const { root, bus } = await openBus(options);
  const ledger = await openLedger(bus, checkpointFile(root, 'ledger', { save: false }), {
    blobs: openBlobs(root.path),
  });
  try {
    const { table } = await tableNow(options, tableStoreOf(root.path));
    return table.rules.map((rule): Row => {
      const { switched: _switched, ...state } = { ...newRuleState(), ...ledger.view.rules.get(rule.id) };
      const off = offBecause(rule, ledger.view.rules.get(rule.id), clock.now());
      const open = [...ledger.view.windows.entries()].filter(([, { rule: id, signal }]) => id === rule.id && signal);
      const waiting = open.length === 0 ? '' : ` (${open.length} windows open)`;
      return {
        id: rule.id,
        on: typesOf(rule),
        do: rule.do,
        enabled: off === undefined,
        note: off ?? `${flow(rule)}${waiting}`.trim(),
        ...state,
      };
    });
  } finally {
    await ledger.close();
    await bus.close();
  }
};

export const listRules = async (options: TableOptions & { root: string; json?: boolean }): Promise<void> =>
  printTable(
    await rowsOf(options),
    [
      { title: 'rule', of: (row) => row.id },
      { title: 'state', of: (row) => (row.enabled ? 'on' : 'off') },
      { title: 'on', of: (row) => row.on },
      { title: 'do', of: (row) => row.do },
      { title: 'note', of: (row) => row.note },
    ],
    { json: options.json, name: 'rules' },
  );

export const showStats = async (options: TableOptions & { root: string; json?: boolean }): Promise<void> => {
  const now = clock.now();
  printTable(
    await rowsOf(options),
    [
      { title: 'rule', of: (row) => row.id },
      { title: 'fired', of: (row) => row.fired },
      { title: 'held', of: (row) => row.held },
      { title: 'suppressed', of: (row) => row.suppressed },
      { title: 'errors', of: (row) => row.errors },
      { title: 'runs today', of: (row) => row.runs_today },
      { title: '$ today', of: (row) => row.usd_today.toFixed(2) },
      { title: 'last', of: (row) => age(row.last_fired, now) },
      { title: 'off', of: (row) => (row.enabled ? '' : row.note) },
    ],
    { json: options.json, name: 'rules' },
  );
};
