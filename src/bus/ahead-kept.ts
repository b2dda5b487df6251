/** What of the batches that write-ahead logs tell is in a file of the bus, wherever it stands by now. */
import type { Entry } from './ahead-entry.js';
import { HALF_BYTES } from './ahead-files.js';
import { readRange } from './file.js';
import { Scanner } from './scanner.js';
import { momentOf, type Moment } from './stamp.js';

interface Told {
  from: number;
  id: string;
  moment: Moment;
}

export const messagesOf = (bytes: Buffer): Told[] =>
  new Scanner(undefined).push(bytes, true).flatMap((item) => {
    const moment = item.kind === 'event' && item.event.sealed ? momentOf(item.event.msg_id) : undefined;
    return moment && item.kind === 'event' ? [{ from: item.from, id: item.event.msg_id, moment }] : [];
  });

/** The newest that is in the file of what the logs tell, from its first `size` bytes: all before it was durable, so what is missing there was taken out. */
export const newestKept = (fd: number, entries: readonly Entry[], size: number): Moment | undefined => {
  const from = Math.max(0, (entries[0]?.offset ?? 0) - 2 * HALF_BYTES);
  const kept = new Set(messagesOf(readRange(fd, from, size)).map(({ id }) => id));
  for (let index = entries.length - 1; index >= 0; index -= 1) {
    const found = messagesOf(entries[index]!.batch).findLast(({ id }) => kept.has(id));
    if (found) return found.moment;
  }
  return undefined;
};
