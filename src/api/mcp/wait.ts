import type { Ledger } from '../../core/ports.js';

/** Looks again after each message that was folded in, until there is something, the time is over or the caller is gone. */
export const waitFor = <Value>(
  ledger: Pick<Ledger, 'folded$'>,
  look: () => Value | undefined,
  timeout_ms: number,
  signal: AbortSignal,
): Promise<Value | undefined> =>
  new Promise((resolve) => {
    const finish = (value: Value | undefined): void => {
      clearTimeout(timer);
      subscription.unsubscribe();
      signal.removeEventListener('abort', leave);
      resolve(value);
    };
    const leave = (): void => finish(undefined);
    const again = (): void => {
      const value = look();
      if (value !== undefined) finish(value);
    };
    const timer = setTimeout(leave, timeout_ms);
    // What is looked at is folded by another reader of the bus, which may be a moment behind.
    const subscription = ledger.folded$.subscribe({ next: () => setImmediate(again), error: leave });
    signal.addEventListener('abort', leave);
    if (signal.aborted) leave();
    else again();
  });
