import type { Context } from 'koa';
import type { ApiOptions } from '../doors.js';
import type { RunRow } from '../lists/rows.js';
import { openEventStream } from './event-stream.js';
import { createRunLines, statusEvent, type Offsets } from './run-lines.js';
import { createWake } from './wake.js';

const ID = /^s=(\d{1,15});e=(\d{1,15})(;done)?$/;

/** Where a client was: its `Last-Event-ID`, `s=<bytes>;e=<bytes>`. */
export const offsetsOf = (id: string): (Offsets & { done: boolean }) | undefined => {
  const [, s, e, done] = ID.exec(id) ?? [];
  return s === undefined || e === undefined ? undefined : { s: Number(s), e: Number(e), done: done !== undefined };
};

/** One run's output from where the client was, live until the run has ended; then its status, and the end. */
export const streamRun = async (
  { runs, lists }: Pick<ApiOptions, 'runs' | 'lists'>,
  ctx: Context,
  run: RunRow,
): Promise<void> => {
  const from = offsetsOf(ctx.get('last-event-id')) ?? { s: 0, e: 0 };
  const stream = openEventStream(ctx);
  const lines = createRunLines(runs, run, { s: from.s, e: from.e });
  const wake = createWake();
  stream.onClose(wake.close);
  const idOf = (): string => `s=${lines.offsets.s};e=${lines.offsets.e}`;
  const isOver = (): boolean => lists.runs.get(run.run_id)?.status !== 'running';
  await stream.send(statusEvent(run, idOf()));
  while (stream.isOpen) {
    wake.watch([lines.folder]);
    // Asked before reading: the files are whole when the end has been said.
    const last = isOver();
    await lines.tell(stream.send, idOf, last);
    if (last) break;
    await wake.wait();
  }
  wake.close();
  await stream.send(statusEvent(lists.runs.get(run.run_id) ?? run, `${idOf()};done`));
  stream.end();
};
