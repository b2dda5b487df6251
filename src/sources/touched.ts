/** A file that is written without end is told all the same, after this many times the quiet time. */
const MOST_QUIETS = 100;

/** Files that something happened to since they were looked at. Times in ms. */
export class Touched {
  readonly #quiet: number;
  readonly #times = new Map<string, { first: number; last: number }>();

  /** `quiet`: so long a file that was written is left alone. */
  constructor(quiet: number) {
    this.#quiet = quiet;
  }

  note(path: string, now: number): void {
    const times = this.#times.get(path);
    if (times === undefined) this.#times.set(path, { first: now, last: now });
    else times.last = now;
  }

  /** Takes the files that are quiet; gives those and the others, which are being written. */
  take(now: number): { settled: string[]; busy: ReadonlySet<string> } {
    const settled: string[] = [];
    const busy = new Set<string>();
    for (const [path, { first, last }] of this.#times) {
      // The timer that waits for the whole quiet time may be early by its own measure.
      const isBusy = now - last < this.#quiet / 2 && now - first < this.#quiet * MOST_QUIETS;
      if (isBusy) busy.add(path);
      else {
        settled.push(path);
        this.#times.delete(path);
      }
    }
    return { settled, busy };
  }
}
