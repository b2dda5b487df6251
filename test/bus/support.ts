import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileBus } from '../../src/bus/file-bus.js';
import type { Rotation } from '../../src/bus/live.js';
import { Scanner, type Item } from '../../src/bus/scanner.js';
import type { Event } from '../../src/core/event.js';
import type { Bus, Clock } from '../../src/core/ports.js';
import { handClock } from '../contract/bus.js';

export const key = Buffer.alloc(32, 7);

export const withRoot = async <T>(use: (root: string) => Promise<T>): Promise<T> => {
  const root = mkdtempSync(join(tmpdir(), 'bus-'));
  try {
    return await use(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};

export const withBus = async <T>(
  root: string,
  use: (bus: Bus) => Promise<T>,
  clock: Clock = handClock(),
  rotation?: Rotation,
  indexer?: string,
): Promise<T> => {
  const bus = await openFileBus({
    root,
    key,
    clock,
    durability: 'os',
    ...(rotation ? { rotation } : {}),
    ...(indexer === undefined ? {} : { indexer }),
  });
  try {
    return await use(bus);
  } finally {
    await bus.close();
  }
};

export const scan = (bytes: Buffer, size = bytes.length || 1): Item[] => {
  const scanner = new Scanner(key);
  const items: Item[] = [];
  for (let at = 0; at < bytes.length; at += size)
    items.push(...scanner.push(bytes.subarray(at, at + size), at + size >= bytes.length));
  return items;
};

/** The same, as the reader does it: into memory that is used again. */
export const scanInPlace = (bytes: Buffer, size: number): Item[] => {
  const scanner = new Scanner(key);
  const items: Item[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const count = bytes.copy(scanner.room(size), 0, at, at + size);
    items.push(...scanner.took(count, at + size >= bytes.length));
  }
  return items;
};

export const eventsOf = (items: readonly Item[]): Event[] =>
  items.flatMap((item) => (item.kind === 'event' ? [item.event] : []));
