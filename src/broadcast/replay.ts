import type { Event } from '../core/event.js';
import type { Bus } from '../core/ports.js';
import type { Client } from './client.js';

/**
 * Tells one watcher what it missed and joins it to what happens now, with no gap and nothing twice.
 *
 * Two readers of one bus stand at two places. `last` is where the live one stands, so everything the past also tells
 * beyond it will come a second time and is left out then. The watcher itself may be ahead of the live reader (it knows
 * a message from the answer to its own append): what lies between is left out too.
 */
export const replay = async ({
  bus,
  client,
  since,
  last,
  frameOf,
}: {
  bus: Bus;
  client: Client;
  since: string;
  last: string | undefined;
  frameOf: (event: Event) => Buffer;
}): Promise<void> => {
  const told = new Set<string>();
  for await (const event of bus.read({ since_id: last ?? '' })) told.add(event.msg_id);
  let beyond = last === undefined || since === last || told.has(since);
  for await (const event of bus.read({ since_id: since })) {
    if (beyond) told.add(event.msg_id);
    if (event.msg_id === last) beyond = true;
    if (!(await client.past(frameOf(event)))) return;
  }
  client.join(told);
};
