import { ConductorError } from '../../core/errors.js';
import { parseDuration } from '../../core/duration.js';
import type { Event } from '../../core/event.js';
import { emptyView, fold } from '../../ledger/fold.js';
import { simulate, type Difference, type Simulation } from '../../router/simulate.js';
import { openBus } from '../open-bus.js';
import { clock } from '../system.js';
import { loadTableWhole, type TableOptions } from './load.js';

/** A message id, a duration before now, or a date. */
const parseSince = (since: string | undefined, now: number): ((event: Event) => boolean) => {
  if (since === undefined || since === '') return () => true;
  if (/^(MSG|LEGACY|FOREIGN)-/.test(since)) return (event) => event.msg_id >= since;
  const duration = parseDuration(since);
  const time = duration === undefined ? Date.parse(since) : now - duration;
  if (Number.isNaN(time))
    throw new ConductorError('usage', `--since "${since}": a message id, a duration as 7d, or a date as 2026-11-21`);
  return (event) => Date.parse(event.ts) >= time;
};

/** Of decisions that differ in the same way so many are shown, unless all are asked for. */
const MOST_SHOWN = 10;

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
const events = (count: number): string => (count === 1 ? '1 event' : `${count} events`);

const lineOf = ({ event, type, rule, was, would, why }: Difference): string => {
  const sign = was === would ? '~' : would === 'fired' ? '+' : was === 'fired' ? '-' : '~';
  return `${sign} ${event} ${type}  ${rule}: ${was} → ${would}${why === undefined ? '' : ` (${why})`}`;
};

/** What the bus cannot tell, where it matters. */
const unknownOf = ({ assumed, caused, undecided }: Simulation['unknown']): string[] => [
  ...(assumed === 0
    ? []
    : [`new starts (${assumed}) are taken to end at once and to cost nothing: nobody knows how long they would work`]),
  ...(caused === 0 ? [] : [`${events(caused)} came of starts that would not be, and are decided all the same`]),
  ...(undecided === 0 ? [] : [`${events(undecided)} were not decided yet, and are left out`]),
];

/** Rules in the order of their names; of each, what differs in the same way together. */
const print = (simulation: Simulation, folder: string, all: boolean): string => {
  const { differences, rules, unknown, first, last } = simulation;
  const span = first === undefined ? '' : `, ${first} to ${last}`;
  const lines = [
    `${events(simulation.events)} decided anew by ${folder}${span}: ${
      differences.length === 1 ? '1 decision differs' : `${differences.length} decisions differ`
    }`,
  ];
  const rows = Object.entries(rules).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [rule, { fired, would, differ }] of rows)
    if (differ > 0 || fired !== would)
      lines.push(`  ${rule}: started ${times(fired)}, would start ${times(would)}; ${differ} differ`);
  const groups = new Map<string, Difference[]>();
  for (const one of differences) {
    const key = `${one.rule}\n${one.was}\n${one.would}`;
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  for (const [, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const most = all ? group.length : MOST_SHOWN;
    lines.push('', ...group.slice(0, most).map(lineOf));
    if (group.length > most) lines.push(`  … and ${group.length - most} more like these (--all shows them)`);
  }
  const open = unknownOf(unknown);
  if (open.length > 0) lines.push('', ...open.map((line) => `note: ${line}`));
  return `${lines.join('\n')}\n`;
};

export interface SimulateOptions extends TableOptions {
  root: string;
  json?: boolean;
  since?: string;
  all?: boolean;
  exitCode?: boolean;
}

/** Returns the exit code. */
export const simulateRules = async (options: SimulateOptions): Promise<number> => {
  const { table, folder } = await loadTableWhole(options);
  const now = clock.now();
  const from = parseSince(options.since, now);
  const { bus } = await openBus(options);
  try {
    const simulation = await simulate({ events: bus.read(), fold, view: emptyView(), table, from, now });
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ table: table.hash, ...simulation }, null, 2)}\n`
        : print(simulation, folder, options.all === true),
    );
    return options.exitCode && simulation.differences.length > 0 ? 1 : 0;
  } finally {
    await bus.close();
  }
};
