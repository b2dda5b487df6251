/**
 * One at a time, each in a turn of the event loop of its own: of many that begin or end in the same moment each holds the
 * loop up for itself alone, and whoever else waits for it comes in between. Who comes alone does not wait.
 */
export const createTurns = (): (() => Promise<void>) => {
  const waiting: (() => void)[] = [];
  let isTaken = false;
  const next = (): void => {
    const resolve = waiting.shift();
    isTaken = resolve !== undefined;
    if (!isTaken) return;
    setImmediate(next);
    resolve?.();
  };
  return () => {
    if (isTaken) return new Promise((resolve) => waiting.push(resolve));
    isTaken = true;
    setImmediate(next);
    return Promise.resolve();
  };
};
