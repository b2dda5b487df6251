import { Observable } from 'rxjs';

/** Thrown through the steps when a stop that they are below has been said. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** The stop that was said: the one heard, or one above it. */
  readonly by: Stop;
  constructor(heard: Stop) {
    super(heard.reason ?? 'stopped');
    this.by = heard.origin;
  }
}

/** Says once, to everything below it, that it is to end. Whoever hears must still be awaited. */
export class Stop {
  reason: string | undefined;
  #listeners: Set<() => void> | undefined;
  #leave: (() => void) | undefined;
  #origin: Stop | undefined;

  /** The one that was said: this one or one above. */
  get origin(): Stop {
    return this.#origin ?? this;
  }

  /** One that is said with this one, and by itself. `close` it when its work has ended. */
  child(): Stop {
    const child = new Stop();
    if (this.reason !== undefined) child.#take(this.origin, this.reason);
    else child.#leave = this.on(() => child.#take(this.origin, this.reason ?? ''));
    return child;
  }

  say(reason: string): void {
    this.#take(this, reason);
  }

  #take(origin: Stop, reason: string): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.#origin = origin;
    const listeners = [...(this.#listeners ?? [])];
    this.#listeners = undefined;
    for (const listener of listeners) listener();
  }

  /** Calls back once, at once when it has been said already. Returns the way to leave. */
  on(listener: () => void): () => void {
    if (this.reason !== undefined) {
      listener();
      return () => undefined;
    }
    (this.#listeners ??= new Set()).add(listener);
    return () => this.#listeners?.delete(listener);
  }

  /** @throws Interrupted when it has been said. */
  check(): void {
    if (this.reason !== undefined) throw new Interrupted(this);
  }

  close(): void {
    this.#leave?.();
    this.#listeners = undefined;
  }
}

/** Tells the reason of the first of them that is said, and completes. */
export const anySaid = (...stops: readonly Stop[]): Observable<string> =>
  new Observable((subscriber) => {
    for (const stop of stops)
      subscriber.add(
        stop.on(() => {
          subscriber.next(stop.reason ?? '');
          subscriber.complete();
        }),
      );
  });
