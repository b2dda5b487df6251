import { ConductorError } from '../core/errors.js';
import type { Slots } from '../core/ports.js';
import { openSlots } from '../storage/slots.js';
import { age } from './ages.js';
import { clock } from './system.js';
import { printTable } from './table.js';

/** Only looked at: no slot is taken through it. */
const queueOf = ({ root }: { root: string }): Slots => openSlots(root, 1, clock);

export const listQueue = (options: { root: string; json?: boolean }): void =>
  printTable(
    queueOf(options).waiting(),
    [
      { title: 'run', of: (one) => one.run_id },
      { title: 'task', of: (one) => `${one.project_id}/${one.task_id}` },
      { title: 'agent', of: (one) => one.agent },
      { title: 'priority', of: (one) => one.priority },
      { title: 'waits', of: (one) => age(new Date(one.since).toISOString(), clock.now()) },
    ],
    { json: options.json, name: 'waiting' },
  );

const refuse = (run_id: string): never => {
  throw new ConductorError('not_found', `the run ${run_id} does not wait for a slot`);
};

export const moveInQueue = (run_id: string, options: { root: string; priority: number }): void => {
  if (!queueOf(options).move(run_id, options.priority)) refuse(run_id);
};

export const cancelInQueue = (run_id: string, options: { root: string }): void => {
  if (!queueOf(options).cancel(run_id)) refuse(run_id);
};
