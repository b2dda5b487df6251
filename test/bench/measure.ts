import { monitorEventLoopDelay } from 'node:perf_hooks';

/** One row of a benchmark: ours beside a reference that was measured in the same run. */
export interface Row {
  name: string;
  /** Higher is better for `rate` (per second), lower for `time` (ms) and `bytes`. */
  kind: 'rate' | 'time' | 'bytes';
  ours: number;
  reference: number;
  /** What the reference is. */
  against: string;
  /** The ratio ours / reference that is asked for: at least for `rate`, at most for the others. */
  bar?: number;
  /** Added to the bar of a `time`: at most reference · bar + plus. In ms. */
  plus?: number;
}

export type Report = (row: Row) => void;
export type Bench = (report: Report) => Promise<void>;

const LIMIT = {
  rate: (row: Row) => row.reference * row.bar!,
  other: (row: Row) => row.reference * row.bar! + (row.plus ?? 0),
};

export const meetsBar = (row: Row): boolean | undefined =>
  row.bar === undefined ? undefined : row.kind === 'rate' ? row.ours >= LIMIT.rate(row) : row.ours <= LIMIT.other(row);

const UNIT = { rate: '/s', time: ' ms', bytes: ' B' } as const;
const short = (value: number): string => (value >= 100 ? Math.round(value).toString() : value.toPrecision(3));

export const describe = (row: Row): string => {
  const ratio = (row.ours / row.reference).toFixed(2);
  const bar =
    row.bar === undefined
      ? ''
      : `  (${row.kind === 'rate' ? 'at least' : 'at most'} ${row.bar.toFixed(2)}${row.plus === undefined ? '' : ` + ${row.plus}${UNIT[row.kind]}`}: ${meetsBar(row) ? 'met' : 'MISSED'})`;
  return `${row.name}: ${short(row.ours)}${UNIT[row.kind]}, ${row.against} ${short(row.reference)}${UNIT[row.kind]}, ratio ${ratio}${bar}`;
};

/** The p-th quantile, p from 0 to 1. */
export const quantile = (values: readonly number[], p: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
};

/** Milliseconds that the action takes. */
export const timeOf = async (action: () => unknown): Promise<number> => {
  const started = performance.now();
  await action();
  return performance.now() - started;
};

/**
 * Times two actions in turns, so that what the machine does meanwhile meets both alike. Returns the times of each, in ms.
 */
export const inTurns = async (
  rounds: number,
  ours: () => unknown,
  reference: () => unknown,
): Promise<{ ours: number[]; reference: number[] }> => {
  const times = { ours: [] as number[], reference: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0;
    if (first) times.ours.push(await timeOf(ours));
    times.reference.push(await timeOf(reference));
    if (!first) times.ours.push(await timeOf(ours));
  }
  return times;
};

/** The longest time in which nothing else was done while the work was. */
export const longestStop = async (work: () => Promise<unknown>): Promise<number> => {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await work();
  delays.disable();
  return delays.max / 1e6;
};
