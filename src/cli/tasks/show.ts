import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runColumns } from '../looks/runs.js';
import { clock } from '../system.js';
import { formatTable, terminalWidth } from '../table.js';
import { withLedger } from '../with-ledger.js';
import { findTask, runsOf } from './one.js';
import type { Scope } from './scope.js';

export const showTask = (options: { root: string; config?: string; json?: boolean }, scope: Scope): Promise<void> =>
  withLedger(options, async (opened) => {
    const task = await findTask(opened, scope);
    const runs = await runsOf(opened, scope);
    const folder = opened.runs.folder(scope);
    const done = existsSync(join(folder, 'DONE'));
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ ...task, done, folder, runs }, null, 2)}\n`);
      return;
    }
    const lines = Object.entries({ ...task, done, folder })
      .map(([key, value]) => `${key}: ${String(value).replaceAll(/\s+/g, ' ')}\n`)
      .join('');
    const table = formatTable(runs, runColumns(clock.now(), true), terminalWidth());
    process.stdout.write(`${lines}${table === '' ? '' : '\n'}${table}`);
  });
