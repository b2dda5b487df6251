import { isBelieved, type Event } from '../../core/event.js';

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

/** Which run or activation brought about what comes from outside: by its mark, or because it made the commit. */
export class Makers {
  readonly #commits = new Map<string, string>();
  /** The message with which each run began. */
  readonly #starts = new Map<string, string>();

  take(event: Event): void {
    if (!isBelieved(event)) return;
    const { run_id, commits } = event.data;
    if (event.type === 'RUN_START') this.#starts.set(String(run_id), event.msg_id);
    if (event.type === 'RUN_STOP') for (const commit of textsOf(commits)) this.#commits.set(commit, String(run_id));
  }

  of(event: Event): string | undefined {
    if (event.trust !== 'outside' || event.run_id !== undefined) return undefined;
    const { sha } = event.data;
    return event.meta?.['made_by'] ?? (typeof sha === 'string' ? this.#commits.get(sha) : undefined);
  }

  /** The message that led to the event by way of its maker. */
  causeOf(event: Event): string | undefined {
    const maker = this.of(event);
    if (maker === undefined) return undefined;
    const slash = maker.indexOf('/');
    return this.#starts.get(maker) ?? (slash > 0 ? maker.slice(slash + 1) : undefined);
  }
}
