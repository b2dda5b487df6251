import { ConductorError } from '../../core/errors.js';
import { parseDuration } from '../../core/duration.js';
import type { Event } from '../../core/event.js';
import { emptyView, fold } from '../../ledger/fold.js';
import { simulate, type Simulation } from '../../router/simulate.js';
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

const print = ({ events, differences, rules }: Simulation, folder: string): string => {
  const lines = [`${events} events decided anew by ${folder}: ${differences.length} decisions differ`];
  for (const [rule, { fired, would }] of Object.entries(rules).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (fired !== would) lines.push(`  ${rule}: started ${fired} times, would start ${would} times`);
  if (differences.length > 0) lines.push('');
  for (const { event, type, rule, was, would, why } of differences) {
    const sign = would === 'fired' ? '+' : was === 'fired' ? '-' : '~';
    lines.push(`${sign} ${event} ${type}  ${rule}: ${was} → ${would}${why === undefined ? '' : ` (${why})`}`);
  }
  return `${lines.join('\n')}\n`;
};

export const simulateRules = async (
  options: TableOptions & { root: string; json?: boolean; since?: string },
): Promise<void> => {
  const { table, folder } = await loadTableWhole(options);
  const from = parseSince(options.since, clock.now());
  const { bus } = await openBus(options);
  try {
    const simulation = await simulate({ events: bus.read(), fold, view: emptyView(), table, from });
    process.stdout.write(
      options.json ? `${JSON.stringify({ table: table.hash, ...simulation }, null, 2)}\n` : print(simulation, folder),
    );
  } finally {
    await bus.close();
  }
};
