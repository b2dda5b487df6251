import type { Context } from 'koa';
import { sseEvent } from '../../core/sse.js';
import type { ApiOptions } from '../doors.js';
import type { RunRow } from '../lists/rows.js';
import { openEventStream } from './event-stream.js';
import { createRunLines, statusEvent, type Offsets, type RunLines } from './run-lines.js';
import { createWake } from './wake.js';

/** Where a client was: the newest run it knows of, and how far it read each that had not ended for it. */
interface Place {
  /** RUN_START of the newest run; what started later is told from its beginning. */
  newest: string;
  runs: Record<string, [number, number]>;
}

const encode = (place: Place): string => Buffer.from(JSON.stringify(place)).toString('base64url');

const decode = (id: string): Place | undefined => {
  try {
    const place = JSON.parse(Buffer.from(id, 'base64url').toString('utf8')) as Place;
    return typeof place.newest === 'string' && typeof place.runs === 'object' && place.runs !== null
      ? place
      : undefined;
  } catch {
    return undefined;
  }
};

const offsetsOf = (pair: unknown): Offsets => {
  const [s, e] = Array.isArray(pair) ? (pair as unknown[]).map(Number) : [];
  return { s: Number.isSafeInteger(s) && s! >= 0 ? s! : 0, e: Number.isSafeInteger(e) && e! >= 0 ? e! : 0 };
};

/** The output of every living run as it comes, and each run's beginning and end. */
export const streamAllRuns = async (
  { runs, lists }: Pick<ApiOptions, 'runs' | 'lists'>,
  ctx: Context,
): Promise<void> => {
  const given = ctx.get('last-event-id');
  const place = given === '' ? undefined : decode(given);
  const stream = openEventStream(ctx);
  const wake = createWake();
  stream.onClose(wake.close);
  const followed = new Map<string, RunLines>();
  let newest = place?.newest ?? lists.runs.page({ limit: 1 }).rows[0]?.msg_id ?? '';
  const idOf = (): string =>
    encode({
      newest,
      runs: Object.fromEntries([...followed].map(([run_id, { offsets }]) => [run_id, [offsets.s, offsets.e]])),
    });

  const follow = async (run: RunRow, from: Offsets | undefined): Promise<void> => {
    const lines = createRunLines(runs, run, from ?? { s: 0, e: 0 });
    if (from === undefined) await lines.skip();
    followed.set(run.run_id, lines);
  };
  if (given !== '' && place === undefined)
    await stream.send(sseEvent('reset', { code: 'not_found', message: 'the Last-Event-ID is none of this stream' }));
  if (place === undefined) {
    // Whoever comes new hears what happens from now on; what was is in the lists and the logs.
    for (const run of lists.runs.of('status running')) await follow(run, undefined);
  } else {
    for (const [run_id, pair] of Object.entries(place.runs)) {
      const run = lists.runs.get(run_id);
      if (run) await follow(run, offsetsOf(pair));
    }
  }
  // The client has a place to come back to before anything happened.
  await stream.send(sseEvent('ready', { runs: [...followed.keys()] }, idOf()));

  while (stream.isOpen) {
    for (const run of lists.runs.since(newest)) {
      newest = run.msg_id;
      await follow(run, { s: 0, e: 0 });
      await stream.send(statusEvent({ ...run, status: 'running' }, idOf()));
    }
    wake.watch([...followed.values()].map(({ folder }) => folder));
    for (const [run_id, lines] of followed) {
      const over = lists.runs.get(run_id)?.status !== 'running';
      await lines.tell(stream.send, idOf, over);
      if (!over) continue;
      followed.delete(run_id);
      await stream.send(statusEvent(lists.runs.get(run_id) ?? lines.run, idOf()));
    }
    await wake.wait();
  }
};
