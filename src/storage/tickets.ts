import { createHmac, timingSafeEqual } from 'node:crypto';
import { idSchema } from '../core/event.js';
import type { RunScope, Tickets } from '../core/ports.js';

/** `<project>/<task>/<run>/<MAC>`. Any process that holds the root's key issues and checks them, without a list. */
export const createTickets = (rootKey: Buffer): Tickets => {
  // A key of its own: what signs tickets never signs messages.
  const key = createHmac('sha256', rootKey).update('tickets').digest();
  const macOf = (name: string): Buffer => createHmac('sha256', key).update(name).digest();
  const nameOf = ({ project_id, task_id, run_id }: RunScope): string => `${project_id}/${task_id}/${run_id}`;

  return {
    issue: (run) => `${nameOf(run)}/${macOf(nameOf(run)).toString('base64url')}`,
    check(ticket) {
      const [project_id, task_id, run_id, mac, ...more] = ticket.split('/');
      if (!project_id || !task_id || !run_id || !mac || more.length > 0) return undefined;
      const run = { project_id, task_id, run_id };
      if (!Object.values(run).every((id) => idSchema.safeParse(id).success)) return undefined;
      const given = Buffer.from(mac, 'base64url');
      const wanted = macOf(nameOf(run));
      return given.length === wanted.length && timingSafeEqual(given, wanted) ? run : undefined;
    },
  };
};
