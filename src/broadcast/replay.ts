import type { Event } from '../core/event.js';
import type { Bus } from '../core/ports.js';
import type { Client } from './client.js';
import { told as toldOf, type Told } from './told.js';

const AT_ONCE = 64;

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
  isWanted,
}: {
  bus: Bus;
  client: Client;
  since: string;
  last: string | undefined;
  isWanted: (event: Event) => boolean;
}): Promise<void> => {
  const told = new Set<string>();
  let ahead = false;
  for await (const event of bus.read({ since_id: last ?? '' })) {
    ahead ||= event.msg_id === since;
    if (isWanted(event)) told.add(event.msg_id);
  }
  let beyond = last === undefined || since === last || ahead;
  let waiting: Told[] = [];
  for await (const event of bus.read({ since_id: since })) {
    const isNew = beyond;
    if (event.msg_id === last) beyond = true;
    if (!isWanted(event)) continue;
    if (isNew) told.add(event.msg_id);
    waiting.push(toldOf(event));
    if (waiting.length < AT_ONCE) continue;
    if (!(await client.past(waiting))) return;
    waiting = [];
  }
  if (waiting.length > 0 && !(await client.past(waiting))) return;
  client.join(told);
};
