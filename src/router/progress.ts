import type { Event } from '../core/event.js';
import type { Activation, Fired, LedgerView } from '../core/ledger-view.js';

/** A start that another one waits for. */
export interface Ahead {
  activation: string;
  /** `project/task`. */
  task: string;
  /** RFC 3339; missing: it waits, too. */
  started?: string;
}

/** How far a start has come. Times in RFC 3339. */
export type Progress =
  /** Others of its concurrency key come first: those at work, then those that wait and come before it. */
  | { state: 'queued'; behind: Ahead[] }
  /** It may begin, and has not. */
  | { state: 'ready'; because?: string }
  | { state: 'parked'; because: string; started?: string }
  | { state: 'started'; started: string }
  | { state: 'completed' | 'failed' | 'cancelled'; started?: string; ended?: string };

const rank = ({ priority = 50 }: Fired): number => priority;

const isAhead = (own: Activation, queue: readonly string[], other: Activation): boolean =>
  rank(other) > rank(own) ||
  (rank(other) === rank(own) && queue.indexOf(other.activation) < queue.indexOf(own.activation));

/** Remembers when starts began and ended, while the bus is read. */
export class Courses {
  readonly #started = new Map<string, string>();
  readonly #ended = new Map<string, string>();

  /** `keep`: whether the activation is one that will be asked about; of others what has ended is forgotten. */
  on(event: Event, keep: (activation: string) => boolean): void {
    const activation = String(event.data['activation']);
    if (event.type === 'HANDLER_STARTED' && !this.#started.has(activation)) this.#started.set(activation, event.ts);
    if (event.type !== 'HANDLER_FINISHED') return;
    if (keep(activation)) this.#ended.set(activation, event.ts);
    else this.#started.delete(activation);
  }

  /** Undefined where the ledger has forgotten it. */
  of(view: LedgerView, id: string): Progress | undefined {
    const activation = view.activations.get(id);
    if (!activation) return undefined;
    const { status, parked, queued } = activation;
    const [began, ended] = [this.#started.get(id), this.#ended.get(id)];
    const started = began === undefined ? {} : { started: began };
    if (status !== 'open') return { state: status, ...started, ...(ended === undefined ? {} : { ended }) };
    if (queued) return { state: 'queued', behind: this.#before(view, activation) };
    if (parked !== undefined) return { state: 'parked', because: parked, ...started };
    if (began !== undefined) return { state: 'started', started: began };
    return { state: 'ready', ...(view.paused ? { because: 'the conductor is paused' } : {}) };
  }

  #before(view: LedgerView, own: Activation): Ahead[] {
    const { active, queue } = view.groups.get(own.concurrency!.group)!;
    const waiting = queue
      .map((id) => view.activations.get(id)!)
      .filter((other) => isAhead(own, queue, other))
      .sort((a, b) => rank(b) - rank(a));
    return [...[...active].map((id) => view.activations.get(id)!), ...waiting].map(
      ({ activation, project_id, task_id }): Ahead => {
        const started = this.#started.get(activation);
        return { activation, task: `${project_id}/${task_id}`, ...(started === undefined ? {} : { started }) };
      },
    );
  }
}

const times = ({ started, ended }: { started?: string; ended?: string }): string =>
  [started && `started ${started}`, ended].filter(Boolean).join(', ended ');

const others = (count: number): string =>
  count === 0 ? '' : `, and ${count} more that ${count === 1 ? 'waits' : 'wait'}`;

/** In a few words. */
export const describeProgress = (progress: Progress): string => {
  switch (progress.state) {
    case 'queued': {
      const { behind } = progress;
      const atWork = behind.filter(({ started }) => started !== undefined);
      const named = atWork.map(({ task, started }) => `${task} (at work since ${started})`);
      const [next] = behind;
      const first = named.length > 0 ? named.join(', ') : (next?.task ?? '');
      return `queued behind ${first}${others(behind.length - Math.max(named.length, 1))}`;
    }
    case 'ready':
      return `not begun yet${progress.because === undefined ? '' : `: ${progress.because}`}`;
    case 'parked':
      return `parked: ${progress.because}`;
    case 'started':
      return `at work since ${progress.started}`;
    default: {
      const when = times(progress);
      return `${progress.state}${when === '' ? '' : ` (${when})`}`;
    }
  }
};
