import type { Draft } from '../core/event.js';
import { toConductorError } from '../core/errors.js';
import type { Ledger, Receipt } from '../core/ports.js';

/**
 * The facts of one activation, in order. What is only to be said before the next thing begins is written with it, as
 * one batch: so a step costs one wait for the disk. Nothing is held back longer than one turn of the event loop.
 */
export class Journal {
  readonly #ledger: Pick<Ledger, 'record'>;
  #deferred: Draft[] = [];
  #flush: NodeJS.Immediate | undefined;
  #failed: Error | undefined;

  /** `written` is called when the first of them are durable. */
  constructor(
    ledger: Pick<Ledger, 'record'>,
    private readonly written: () => void = () => undefined,
  ) {
    this.#ledger = ledger;
  }

  /** Durable before whatever is committed next. */
  defer(...facts: Draft[]): void {
    this.#deferred.push(...facts);
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      this.commit().catch((error: unknown) => (this.#failed ??= toConductorError(error)));
    });
  }

  /** Resolves when these facts, and all before them, are durable and folded in. */
  async commit(...facts: Draft[]): Promise<Receipt[]> {
    if (this.#failed !== undefined) throw this.#failed;
    const before = this.#deferred;
    this.#deferred = [];
    if (this.#flush) clearImmediate(this.#flush);
    this.#flush = undefined;
    if (before.length + facts.length === 0) return [];
    const receipts = await this.#ledger.record([...before, ...facts]);
    this.written();
    return receipts.slice(before.length);
  }
}
