import type { DamagedRange } from '../core/ports.js';

/** Tells damage that lies together as one range, for the first reason, as soon as something else or nothing more follows. */
export class Damage {
  readonly #tell: (damaged: DamagedRange) => void;
  #last: DamagedRange | undefined;

  constructor(tell: (damaged: DamagedRange) => void) {
    this.#tell = tell;
  }

  add(next: DamagedRange): void {
    const last = this.#last;
    if (last?.file === next.file && last.to === next.from) {
      this.#last = { ...last, to: next.to };
    } else {
      this.end();
      this.#last = next;
    }
  }

  end(): void {
    if (this.#last === undefined) return;
    this.#tell(this.#last);
    this.#last = undefined;
  }
}
