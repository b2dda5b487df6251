/**
 * One at a time, each in a turn of the event loop of its own: of many that begin or end in the same moment each holds the
 * loop up for itself alone, and whoever else waits for it comes in between.
 */
export const createTurns = (): (() => Promise<void>) => {
  const waiting: (() => void)[] = [];
  const next = (): void => {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(next);
  };
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) setImmediate(next);
    });
};
