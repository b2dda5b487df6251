import type { Event } from '../core/event.js';
import { normaliseType } from '../core/event-type.js';
import { matchesGlob } from '../core/glob.js';

/** What a watcher wants to hear. Every field that is given must fit. */
export interface Filter {
  /** A glob, as `TEST_*`. */
  type?: string | undefined;
  project_id?: string | undefined;
  task_id?: string | undefined;
  run_id?: string | undefined;
  /** The rule whose activation the message belongs to. */
  rule?: string | undefined;
}

/** The rules that a message belongs to: of what ROUTED fired, or of the activation that it speaks of. */
export type RulesOf = (event: Event) => readonly string[];

const fits = (filter: Filter, event: Event, rulesOf: RulesOf): boolean =>
  (filter.type === undefined || matchesGlob(normaliseType(filter.type), event.type)) &&
  (filter.project_id === undefined || filter.project_id === event.project_id) &&
  (filter.task_id === undefined || filter.task_id === event.task_id) &&
  (filter.run_id === undefined || filter.run_id === event.run_id) &&
  (filter.rule === undefined || rulesOf(event).includes(filter.rule));

/** One filter that fits is enough; without any, everything is wanted. */
export const wants = (filters: readonly Filter[], event: Event, rulesOf: RulesOf): boolean =>
  filters.length === 0 || filters.some((filter) => fits(filter, event, rulesOf));
