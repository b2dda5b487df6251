import type { Window } from './window.js';

/** Beyond this the oldest go: a key that an event names must not fill the memory. */
const MOST = 100_000;
const FIRST_SWEEP = 1_024;

interface Due {
  at: number;
  id: string;
}

/** Every open window of every rule, by `<rule>\n<stage>\n<key>`, and which of them is due next. */
export class Windows {
  readonly #windows = new Map<string, Window>();
  /** A heap whose entries may be stale: those that no window says any more are passed over. */
  #dues: Due[] = [];
  #sweepAt = FIRST_SWEEP;

  static idOf(window: { rule: string; stage: string; key: string }): string {
    return `${window.rule}\n${window.stage}\n${window.key}`;
  }

  static of(entries: Iterable<readonly [string, Window]>): Windows {
    const windows = new Windows();
    for (const [id, window] of entries) windows.set(id, window);
    return windows;
  }

  get size(): number {
    return this.#windows.size;
  }

  get(id: string): Window | undefined {
    return this.#windows.get(id);
  }

  /** `now` (ms of messages): what has nothing to say any more by then may go. Returns the windows that went. */
  set(id: string, window: Window, now = window.opened): readonly Window[] {
    const dropped: Window[] = [];
    this.#windows.delete(id);
    this.#windows.set(id, window);
    if (window.due !== undefined) this.#push({ at: window.due, id });
    if (this.#windows.size >= this.#sweepAt) {
      for (const [old, other] of this.#windows)
        if (other.due === undefined && other.until < now) this.#drop(old, dropped);
      this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#windows.size);
    }
    if (this.#windows.size > MOST) this.#drop(this.#windows.keys().next().value!, dropped);
    return dropped;
  }

  delete(id: string): void {
    this.#windows.delete(id);
  }

  entries(): IterableIterator<[string, Window]> {
    return this.#windows.entries();
  }

  /** The window that is due first, and when (ms). */
  next(): Due | undefined {
    for (let first = this.#dues[0]; first; first = this.#dues[0]) {
      if (this.#windows.get(first.id)?.due === first.at) return first;
      this.#pop();
    }
    return undefined;
  }

  #drop(id: string, dropped: Window[]): void {
    dropped.push(this.#windows.get(id)!);
    this.#windows.delete(id);
  }

  #push(due: Due): void {
    const heap = this.#dues;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.at <= due.at) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = due;
    if (heap.length > 4 * this.#windows.size + 64) this.#rebuild();
  }

  #pop(): void {
    const heap = this.#dues;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1;
      if (heap[child]!.at >= last.at) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }

  #rebuild(): void {
    this.#dues = [...this.#windows]
      .flatMap(([id, { due }]) => (due === undefined ? [] : [{ at: due, id }]))
      // A sorted list is a heap.
      .sort((a, b) => a.at - b.at);
  }
}
