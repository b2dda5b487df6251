/** Of each list one has to stand in the header of a message that is worth reading. Each begins and ends with a line break. */
export type Wanted = readonly (readonly string[])[];

/** A text, and where it stands next: so each byte is searched once, however many headers lie before it. */
class Needle {
  readonly #bytes: Buffer;
  #at = -1;

  constructor(text: string) {
    this.#bytes = Buffer.from(text, 'latin1');
  }

  isIn(buffer: Buffer, from: number, to: number): boolean {
    if (this.#at < from) {
      const found = buffer.indexOf(this.#bytes, from);
      this.#at = found < 0 ? buffer.length : found;
    }
    return this.#at + this.#bytes.length <= to;
  }

  forget(): void {
    this.#at = -1;
  }
}

/** Looks for what is wanted in one buffer, from its beginning on. */
export class Search {
  readonly #lists: readonly (readonly Needle[])[];

  constructor(wanted: Wanted) {
    this.#lists = wanted.map((texts) => texts.map((text) => new Needle(text)));
  }

  /** It may say yes to what does not match, never no to what does. `from` never goes back. */
  isIn(buffer: Buffer, from: number, to: number): boolean {
    return this.#lists.every((needles) => needles.some((needle) => needle.isIn(buffer, from, to)));
  }

  /** Another buffer comes. */
  begin(): void {
    for (const needles of this.#lists) for (const needle of needles) needle.forget();
  }
}
