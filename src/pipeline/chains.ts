import { CHAIN_BUDGET } from '../core/depth.js';
import type { LedgerView } from '../core/ledger-view.js';

/** Holds each chain to its budget: runs that the ledger knows, and those whose start is being said just now. */
export class Chains {
  readonly #starting = new Map<string, number>();

  constructor(private readonly view: () => Pick<LedgerView, 'chains'>) {}

  /** `say` resolves when the ledger counts the run. False, and nothing is said, where the budget is used up. */
  async start(root: string, say: () => Promise<unknown>): Promise<boolean> {
    const starting = this.#starting.get(root) ?? 0;
    if ((this.view().chains.get(root) ?? 0) + starting >= CHAIN_BUDGET) return false;
    this.#starting.set(root, starting + 1);
    try {
      await say();
      return true;
    } finally {
      const left = (this.#starting.get(root) ?? 0) - 1;
      if (left > 0) this.#starting.set(root, left);
      else this.#starting.delete(root);
    }
  }
}
