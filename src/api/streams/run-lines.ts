import type { Runs } from '../../core/ports.js';
import { sseEvent } from '../../core/sse.js';
import type { RunRow } from '../lists/rows.js';
import { createLineFollower } from './line-follower.js';

export interface Offsets {
  /** Bytes of standard output that were told. */
  s: number;
  /** Of standard error. */
  e: number;
}

/** Both streams of one run, told as `log` events from the given offsets on. */
export const createRunLines = (runs: Pick<Runs, 'folder'>, run: RunRow, from: Offsets) => {
  const folder = runs.folder(run);
  const streams = [
    { key: 's', name: 'stdout', follower: createLineFollower(folder, 'agent-stdout.txt', from.s) },
    { key: 'e', name: 'stderr', follower: createLineFollower(folder, 'agent-stderr.txt', from.e) },
  ] as const;
  const offsets: Offsets = { ...from };
  const { run_id, project_id, task_id } = run;

  return {
    folder,
    run,
    offsets,
    async skip(): Promise<void> {
      for (const { key, follower } of streams) {
        await follower.skip();
        offsets[key] = follower.position;
      }
    },
    /** What has come since. `idOf` is asked after each line, when its offset counts as told. */
    async tell(send: (text: string) => Promise<void>, idOf: () => string, last: boolean): Promise<void> {
      for (const { key, name, follower } of streams) {
        for await (const { lines, restarted } of follower.read(last)) {
          let text = restarted ? sseEvent('reset', { run_id, stream: name }) : '';
          for (const line of lines) {
            offsets[key] = line.end;
            text += sseEvent('log', { run_id, project_id, task_id, stream: name, line: line.text }, idOf());
          }
          if (text !== '') await send(text);
        }
      }
    },
  };
};

export type RunLines = ReturnType<typeof createRunLines>;

export const statusEvent = ({ run_id, project_id, task_id, status, exit, exit_code }: RunRow, id: string): string =>
  sseEvent(
    'status',
    {
      run_id,
      project_id,
      task_id,
      status,
      ...(exit === undefined ? {} : { exit }),
      ...(exit_code === undefined ? {} : { exit_code }),
    },
    id,
  );
