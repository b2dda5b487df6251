import { exhaustMap, filter, from, fromEvent, interval, lastValueFrom, merge, startWith, takeUntil } from 'rxjs';
import type { RunInfo } from '../../core/run.js';
import { age } from '../ages.js';
import { clock } from '../system.js';
import { withLedger, type Opened } from '../with-ledger.js';

const FRAME_MS = 1_000;
const clear = '\u001B[H\u001B[2J';
const alternate = { enter: '\u001B[?1049h\u001B[?25l', leave: '\u001B[?25h\u001B[?1049l' };

/** Children stand below the run that started them. */
export const treeOf = (runs: readonly RunInfo[]): { run: RunInfo; indent: number }[] => {
  const living = new Set(runs.map((run) => run.run_id));
  const below = (parent: string | undefined, indent: number): { run: RunInfo; indent: number }[] =>
    runs
      .filter((run) => (parent === undefined ? !living.has(run.parent_run_id ?? '') : run.parent_run_id === parent))
      .sort((a, b) => a.run_id.localeCompare(b.run_id))
      .flatMap((run) => [{ run, indent }, ...below(run.run_id, indent + 1)]);
  return below(undefined, 0);
};

/** One frame, no line of it wider than `width`. */
export const frameOf = (runs: readonly RunInfo[], waiting: number, now: number, width: number): string => {
  const spent = runs.reduce((sum, run) => sum + (run.cost_usd ?? 0), 0);
  const head = `${runs.length} at work, ${waiting} waiting${spent > 0 ? `, $${spent.toFixed(2)}` : ''}`;
  const rows = treeOf(runs).map(({ run, indent }) => {
    const time = run.pid > 0 ? age(run.start_time, now) : 'queued';
    const cost = run.cost_usd === undefined ? '' : `  $${run.cost_usd.toFixed(4)}`;
    return `${'  '.repeat(indent)}${time.padStart(6)}  ${run.agent.padEnd(8)}  ${run.project_id}/${run.task_id}${cost}`;
  });
  return [head, ...rows].map((line) => `${line.slice(0, width)}\n`).join('');
};

const look = async ({ runs, ledger }: Opened, width: number): Promise<string> => {
  const living: RunInfo[] = [];
  for (const run of ledger.view.runs.values()) {
    const info = await runs.find(run);
    if (info) living.push(info);
  }
  const waiting = [...ledger.view.activations.values()].filter((one) => one.status === 'open' && !one.begun).length;
  return frameOf(living, waiting, clock.now(), width);
};

export const top = (options: { root: string; config?: string; once?: boolean }): Promise<void> =>
  withLedger(options, async (opened) => {
    const { stdout } = process;
    if (options.once || !stdout.isTTY) {
      stdout.write(await look(opened, stdout.columns || 200));
      return;
    }
    const draw = async (): Promise<void> => {
      const frame = (await look(opened, stdout.columns)).split('\n').slice(0, stdout.rows - 1);
      stdout.write(`${clear}${frame.join('\r\n')}`);
    };
    const { stdin } = process;
    const keys$ = fromEvent(stdin, 'data', (bytes: Buffer) => bytes.toString());
    const leave$ = merge(
      fromEvent(process, 'SIGINT'),
      fromEvent(process, 'SIGTERM'),
      keys$.pipe(filter((key) => ['q', '\u0003', '\u001B'].includes(key))),
    );
    stdout.write(alternate.enter);
    if (stdin.isTTY) stdin.setRawMode(true);
    try {
      await lastValueFrom(
        merge(interval(FRAME_MS), fromEvent(stdout, 'resize')).pipe(
          startWith(undefined),
          exhaustMap(() => from(draw())),
          takeUntil(leave$),
        ),
        { defaultValue: undefined },
      );
    } finally {
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      stdout.write(alternate.leave);
    }
  });
