/** The whole bus read once, for `check` and `stats`. Memory does not grow with it. */
import { closeSync } from 'node:fs';
import type { DamagedRange } from '../core/ports.js';
import { withBlob } from './blobs.js';
import type { Position } from './cursor.js';
import { CHUNK, breath, readRange } from './file.js';
import { Scanner, type Item } from './scanner.js';
import { closedSegments, openSegment, numberAfter, type Segment } from './segments.js';
import { isAfter, momentOf, type Moment } from './stamp.js';

export interface Survey {
  segments: number;
  bytes: number;
  messages: number;
  /** Our own facts, whose MAC fits. */
  authentic: number;
  /** Of other writers, or by hand. */
  unsealed: number;
  /** RFC 3339, of the first and the last sealed message. */
  first?: string;
  last?: string;
  types: Record<string, number>;
  projects: Record<string, number>;
  /** Unreadable stretches, ids that do not rise, blobs that are missing or wrong. */
  damaged: DamagedRange[];
}

const count = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/** `end`: the end of the live file while nobody wrote. */
export const surveyBus = async (root: string, key: Buffer, end: Position): Promise<Survey> => {
  const counts = (): Record<string, number> => Object.create(null) as Record<string, number>;
  const found: Survey = {
    segments: 0,
    bytes: 0,
    messages: 0,
    authentic: 0,
    unsealed: 0,
    types: counts(),
    projects: counts(),
    damaged: [],
  };
  let newest: Moment | undefined;

  const take = async ({ path: file, number: segment }: Segment, item: Item): Promise<void> => {
    const { from, to } = item;
    if (item.kind === 'damaged') {
      found.damaged.push({ file, segment, from, to, reason: item.reason });
      return;
    }
    const { event } = item;
    found.messages += 1;
    count(found.types, event.type);
    count(found.projects, event.project_id);
    if (event.authentic) found.authentic += 1;
    if (!event.sealed) {
      found.unsealed += 1;
      return;
    }
    found.first ??= event.ts;
    found.last = event.ts;
    const moment = momentOf(event.msg_id);
    if (moment && newest && !isAfter(moment, newest))
      found.damaged.push({
        file,
        segment,
        from,
        to,
        reason: `${event.msg_id} is not newer than what stands before it`,
      });
    else newest = moment ?? newest;
    if (event.data_blob !== undefined && (await withBlob(root, event)) === event)
      found.damaged.push({ file, segment, from, to, reason: `the blob ${event.data_blob} is missing or wrong` });
  };

  const closed = closedSegments(root);
  const first = closed[0]?.number ?? numberAfter(closed);
  let own: Moment | undefined;
  for (let number = first; number <= end.segment; number += 1) {
    const part = openSegment(root, number);
    if (!part) continue;
    try {
      const scanner = new Scanner(key, 0, own);
      const limit = number === end.segment ? end.offset : Infinity;
      for (;;) {
        const chunk = readRange(part.fd, scanner.next, Math.min(limit, scanner.next + CHUNK));
        if (chunk.length === 0) break;
        for (const item of scanner.push(chunk)) await take(part, item);
        await breath();
      }
      found.bytes += scanner.next;
      for (const item of scanner.end()) await take(part, item);
      own = scanner.newest ?? own;
      found.segments += 1;
    } finally {
      closeSync(part.fd);
    }
  }
  return found;
};
