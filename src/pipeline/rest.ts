/** A wait of one walk: what may end it. */
export interface Resting {
  /** The step whose answer is folded in; undefined: only time ends it. */
  path?: string;
  types: readonly string[];
  /** ms since the epoch. */
  until: number | undefined;
}

/** What ends sooner (ms) is not worth dropping the walk for. */
const SHORT_MS = 1_000;

/**
 * Knows when nothing of a walk is at work any more: then it can be dropped, and made again of the journal when one of its
 * waits may have ended. So ten thousand that wait cost ten thousand entries, and no stacks.
 */
export class Rest {
  readonly #resting = new Set<Resting>();
  #working = 1;
  #over = false;
  #moved = false;

  /** `rested` is called once, when the last of what was at work waits. */
  constructor(
    private readonly clock: { now(): number },
    private readonly rested: (waits: readonly Resting[]) => void,
  ) {}

  /** Something went on while the walk was being dropped: it is to be made again at once. */
  get moved(): boolean {
    return this.#moved;
  }

  /** So many lanes work, while the step above only awaits them. Returns what each calls at its end. */
  fork(lanes: number): () => void {
    this.#working += Math.max(0, lanes - 1);
    let left = lanes;
    return () => {
      left--;
      if (left > 0) this.#less();
    };
  }

  /** A time limit of a group: what rests is looked at again when it is over. */
  limit(until: number): () => void {
    const limit: Resting = { types: [], until };
    this.#resting.add(limit);
    return () => this.#resting.delete(limit);
  }

  async wait<Found>(resting: Resting, wait: () => Promise<Found>): Promise<Found> {
    this.#resting.add(resting);
    this.#less();
    try {
      const found = await wait();
      this.#moved ||= this.#over;
      return found;
    } finally {
      this.#resting.delete(resting);
      this.#working++;
    }
  }

  #less(): void {
    this.#working--;
    if (this.#working > 0 || this.#over) return;
    const waits = [...this.#resting];
    const soon = this.clock.now() + SHORT_MS;
    if (waits.some(({ until }) => until !== undefined && until < soon)) return;
    this.#over = true;
    this.rested(waits);
  }
}
