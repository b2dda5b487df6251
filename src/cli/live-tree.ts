import type { RunStarted } from '../core/ledger-view.js';
import type { Event } from '../core/event.js';
import { age } from './ages.js';
import { clock } from './system.js';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
/** To the first of so many lines, and everything below it away. */
const erase = (lines: number): string => (lines === 0 ? '' : `\u001B[${lines}A\u001B[J`);

export interface LiveRun {
  run_id: string;
  parent_run_id: string | undefined;
  agent: string;
  /** The step, else the task. */
  name: string;
  since: string;
  end?: { status: string; took: string; usd: number | undefined };
}

/** The runs that began where `isOurs` says so, and all below them, as the bus tells of them. */
export const createRunTree = (isOurs: (start: RunStarted) => boolean) => {
  const runs = new Map<string, LiveRun>();
  const begin = (start: RunStarted, since: string): LiveRun | undefined => {
    const { run_id, parent_run_id, agent, step, task_id } = start;
    if (!isOurs(start) && !(parent_run_id !== undefined && runs.has(parent_run_id))) return undefined;
    const run = { run_id, parent_run_id, agent, name: step ?? task_id, since };
    runs.set(run_id, run);
    return run;
  };
  return {
    runs,
    begin,
    /** The run that the event began or ended; undefined when it tells of none of ours. */
    on(event: Event): LiveRun | undefined {
      if (!event.authentic) return undefined;
      if (event.type === 'RUN_START') return begin(event.data as unknown as RunStarted, event.ts);
      const run = event.type === 'RUN_STOP' ? runs.get(String(event.data['run_id'])) : undefined;
      if (!run) return undefined;
      const { status, cost_usd } = event.data;
      run.end = {
        status: String(status),
        took: age(run.since, Date.parse(event.ts)),
        usd: typeof cost_usd === 'number' ? cost_usd : undefined,
      };
      return run;
    },
  };
};

const SIGNS: Readonly<Record<string, string>> = { completed: '✓', failed: '✗' };

const lineOf = ({ agent, name, since, end }: LiveRun, frame: number, now: number): string => {
  const sign = end ? (SIGNS[end.status] ?? '✗') : FRAMES[frame % FRAMES.length];
  const cost = end?.usd === undefined ? '' : `$${end.usd.toFixed(4)}`;
  // Control characters would steer the terminal.
  return [`${sign} ${agent}`, end?.took ?? age(since, now), cost, name]
    .filter(Boolean)
    .join('  ')
    .replaceAll(/[\u0000-\u001F\u007F-\u009F]+/g, ' ');
};

/** Each run below the one that started it; the newest where not all have room. */
export const treeLines = (
  runs: ReadonlyMap<string, LiveRun>,
  { frame, now, width, height }: { frame: number; now: number; width: number; height: number },
): string[] => {
  const below = (parent: string | undefined, indent: string): string[] =>
    [...runs.values()]
      .filter(({ parent_run_id }) => (parent === undefined ? !runs.has(parent_run_id ?? '') : parent_run_id === parent))
      .flatMap((run) => [
        `${indent}${lineOf(run, frame, now)}`.slice(0, width - 1),
        ...below(run.run_id, `${indent}  `),
      ]);
  return below(undefined, '').slice(-height);
};

export interface LiveTree {
  /** A run that had begun before; since when, as RFC 3339. */
  begin(start: RunStarted, since: string): void;
  on(event: Event): void;
  /** Whatever `write` writes to the terminal stays, above the tree. */
  above: (write: () => void) => void;
  /** What was there last stays. */
  close(): void;
}

/** On a terminal a tree that moves; elsewhere a line at the beginning and the end of each run. */
export const openLiveTree = (
  isOurs: (start: RunStarted) => boolean,
  { stream = process.stderr, plain = true }: { stream?: NodeJS.WriteStream; plain?: boolean } = {},
): LiveTree => {
  const tree = createRunTree(isOurs);
  if (!stream.isTTY)
    return {
      begin: (start, since) => void tree.begin(start, since),
      on(event) {
        const run = tree.on(event);
        if (run && plain) stream.write(run.end ? `${lineOf(run, 0, 0)}\n` : `· ${run.agent} starts  ${run.name}\n`);
      },
      above: (write) => write(),
      close: () => undefined,
    };
  let frame = 0;
  let shown = 0;
  const draw = (above: () => void = () => undefined): void => {
    const size = { width: stream.columns || 80, height: Math.max(1, (stream.rows || 24) - 2) };
    const lines = treeLines(tree.runs, { frame: frame++, now: clock.now(), ...size });
    stream.write(erase(shown));
    above();
    stream.write(lines.map((line) => `${line}\n`).join(''));
    shown = lines.length;
  };
  const timer = setInterval(() => draw(), FRAME_MS);
  return {
    begin: (start, since) => void tree.begin(start, since),
    on: (event) => void tree.on(event),
    above: draw,
    close() {
      clearInterval(timer);
      draw();
    },
  };
};
