import type { Rest } from './rest.js';
import { Interrupted, type Stop } from './stop.js';

/**
 * Works at most `width` at once, in order. All that began are awaited, whatever happens; `failed` says of a result that
 * the rest is to be stopped. Rejects with the first Interrupted that comes from above, or with whatever else was thrown.
 */
export const inLanes = async <Result>(
  count: number,
  width: number,
  { stop, rest }: { stop: Stop; rest: Rest },
  work: (index: number, stop: Stop) => Promise<Result>,
  failed: (result: Result) => boolean,
): Promise<(Result | undefined)[]> => {
  const results: (Result | undefined)[] = Array.from({ length: count }, () => undefined);
  const own = stop.child();
  let next = 0;
  let thrown: Error | undefined;
  const lane = async (): Promise<void> => {
    while (next < count && own.reason === undefined && thrown === undefined) {
      const index = next++;
      try {
        const result = await work(index, own);
        results[index] = result;
        if (failed(result)) own.say('another lane failed');
      } catch (error) {
        if (error instanceof Interrupted && error.by === own) return;
        thrown ??= error instanceof Error ? error : new Error(String(error));
      }
    }
  };
  const lanes = Math.min(width, count);
  const ended = rest.fork(lanes);
  try {
    await Promise.all(Array.from({ length: lanes }, () => lane().finally(ended)));
  } finally {
    own.close();
  }
  if (thrown !== undefined) throw thrown;
  stop.check();
  return results;
};
