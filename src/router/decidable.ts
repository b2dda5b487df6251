import { isBelieved, type Event } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import type { CompiledTable } from './compile.js';

/**
 * Whether a rule of the table could answer. Of our own facts most are not asked about, so that ROUTED does not answer ROUTED:
 * only timers, tasks, and what a rule names.
 */
export const isDecidable = (table: CompiledTable, event: Event): boolean => {
  if (!isBelieved(event) || event.type === 'ROUTED' || event.type === 'SNAPSHOT') return false;
  if (!isReserved(event.type) || event.type === 'TIMER_FIRED' || event.type.startsWith('TASK_')) return true;
  const { rules, backstops } = table.ofType(event.type);
  return rules.length + backstops.length > 0;
};
