/** The whole bus read once, for `check` and `stats`. Memory does not grow with it. */
import { closeSync } from 'node:fs';
import type { Event } from '../core/event.js';
import type { DamagedRange } from '../core/ports.js';
import { withBlob } from './blobs.js';
import type { Position } from './cursor.js';
import { Damage } from './damage.js';
import { breath, readInto } from './file.js';
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

/** What is read at once. */
const STRETCH = 256 * 1024;

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

  const damage = new Damage((range) => found.damaged.push(range));

  /** Answers with the event whose blob has to be looked at, if it has one. */
  const take = ({ path: file, number: segment }: Segment, item: Item): Event | undefined => {
    const { from, to } = item;
    if (item.kind === 'damaged') {
      damage.add({ file, segment, from, to, reason: item.reason });
      return undefined;
    }
    damage.end();
    const { event } = item;
    found.messages += 1;
    count(found.types, event.type);
    count(found.projects, event.project_id);
    if (event.authentic) found.authentic += 1;
    if (!event.sealed) {
      found.unsealed += 1;
      return undefined;
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
    return event.data_blob === undefined ? undefined : event;
  };

  const takeAll = async (part: Segment, items: readonly Item[]): Promise<void> => {
    for (const item of items) {
      const event = take(part, item);
      if (event && (await withBlob(root, event)) === event)
        found.damaged.push({
          file: part.path,
          segment: part.number,
          from: item.from,
          to: item.to,
          reason: `the blob ${event.data_blob ?? ''} is missing or wrong`,
        });
    }
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
        const from = scanner.next;
        const count = readInto(part.fd, scanner.room(Math.min(STRETCH, limit - from)), from);
        if (count === 0) break;
        await takeAll(part, scanner.took(count));
        await breath();
      }
      found.bytes += scanner.next;
      await takeAll(part, scanner.end());
      damage.end();
      own = scanner.newest ?? own;
      found.segments += 1;
    } finally {
      closeSync(part.fd);
    }
  }
  return found;
};
