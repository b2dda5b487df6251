import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from '../../src/bus/encode.js';
import { stampOf } from '../../src/bus/stamp.js';

export const BODY = 'x'.repeat(100);

export const record = (index: number, type = index % 10 === 0 ? 'RARE' : 'INFO'): Buffer =>
  encode({
    ...stampOf({ ms: Date.UTC(2026, 0, 1) + index, ns: 0 }, 42, index),
    type,
    project_id: 'default',
    task_id: 'task-20260101',
    source: 'cli',
    parents: [],
    depth: 0,
    trust: 'full',
    data: { path: 'src/index.ts', branch: 'main' },
    body: BODY,
  });

/** A bus of so many bytes, written at once. */
export const busOf = (root: string, records: number): void => {
  const file = openSync(join(root, 'MESSAGE-BUS.md'), 'a');
  for (let index = 0; index < records;) {
    const parts: Buffer[] = [];
    for (let count = 0; count < 5_000 && index < records; count += 1) parts.push(record(index++));
    writeSync(file, Buffer.concat(parts));
  }
  closeSync(file);
};
