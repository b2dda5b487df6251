import { Subject, type Observable, type Subscription } from 'rxjs';
import type { LedgerView } from '../core/ledger-view.js';
import type { Clock } from '../core/ports.js';
import type { Resting } from './rest.js';

/** The longest timer that Node knows, in ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** Activations that only wait, without their walk, by what may end it. One timer serves them all. */
export class Sleepers {
  readonly #waits = new Map<string, readonly Resting[]>();
  readonly #byType = new Map<string, Set<string>>();
  readonly #woken = new Subject<string>();
  #timer: Subscription | undefined;
  #next = Number.POSITIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly view: () => LedgerView,
  ) {}

  /** Ids of those whose time has come. */
  get woken$(): Observable<string> {
    return this.#woken;
  }

  /** False when it is not to sleep: something that it waits for is there already. */
  sleep(id: string, waits: readonly Resting[]): boolean {
    if (this.#isAnswered(id, waits) || waits.some((one) => this.#isOver(one))) return false;
    this.#waits.set(id, waits);
    for (const { types } of waits)
      for (const type of types) this.#byType.set(type, (this.#byType.get(type) ?? new Set()).add(id));
    for (const { until } of waits) if (until !== undefined && until < this.#next) this.#schedule(until);
    return true;
  }

  /** Whether anyone waits for events of this type. */
  waitFor(type: string): boolean {
    return this.#byType.has(type);
  }

  /** Those to which an event of this type, which was folded in, has given an answer. */
  heard(type: string): string[] {
    return [...(this.#byType.get(type) ?? [])].filter((id) => this.#isAnswered(id, this.#waits.get(id) ?? []));
  }

  wake(id: string): void {
    for (const { types } of this.#waits.get(id) ?? [])
      for (const type of types) {
        const ids = this.#byType.get(type);
        ids?.delete(id);
        if (ids?.size === 0) this.#byType.delete(type);
      }
    this.#waits.delete(id);
  }

  /** Those that were ended from outside are no longer waited for. */
  forgetEnded(): void {
    for (const id of this.#waits.keys()) if (this.view().activations.get(id)?.status !== 'open') this.wake(id);
  }

  close(): void {
    this.#timer?.unsubscribe();
    this.#woken.complete();
  }

  #isAnswered(id: string, waits: readonly Resting[]): boolean {
    const started = this.view().activations.get(id)?.started;
    return waits.some(({ path }) => path !== undefined && started?.get(path)?.answer !== undefined);
  }

  #isOver({ until }: Resting): boolean {
    return until !== undefined && until <= this.clock.now();
  }

  #schedule(at: number): void {
    this.#timer?.unsubscribe();
    this.#next = at;
    const wait = Math.min(Math.max(0, at - this.clock.now()), LONGEST_MS);
    this.#timer = this.clock.scheduler.schedule(() => this.#look(), wait);
  }

  #look(): void {
    const due = [...this.#waits].filter(([, waits]) => waits.some((one) => this.#isOver(one))).map(([id]) => id);
    for (const id of due) {
      this.wake(id);
      this.#woken.next(id);
    }
    let next = Number.POSITIVE_INFINITY;
    for (const waits of this.#waits.values())
      for (const { until } of waits) if (until !== undefined && until < next) next = until;
    this.#next = next;
    if (Number.isFinite(next)) this.#schedule(next);
  }
}
