/** Writers whose log is in use, and what a power cut would leave of them. */
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import { entriesOf } from '../../src/bus/ahead-entry.js';
import { HALF_BYTES, aheadFolder } from '../../src/bus/ahead-files.js';
import type { Rotation } from '../../src/bus/live.js';
import { readBus } from '../../src/bus/reader.js';
import { openWriter } from '../../src/bus/writer.js';
import { all } from '../contract/bus.js';
import { until } from '../support/service.js';
import { key, withRoot } from './support.js';

const LARGE: Rotation = { bytes: 1e9, age_ms: 1e9 };
export const busFile = (root: string): string => join(root, 'MESSAGE-BUS.md');
export const logs = (root: string): string[] => (existsSync(aheadFolder(root)) ? readdirSync(aheadFolder(root)) : []);
export const bodiesOf = async (root: string): Promise<string[]> =>
  (await all(readBus(root, key))).map(({ body }) => body);
export const entriesIn = (root: string) => {
  const bytes = readFileSync(join(aheadFolder(root), logs(root)[0] ?? ''));
  return [0, HALF_BYTES].flatMap((from) => entriesOf(bytes.subarray(from, from + HALF_BYTES)));
};

/** File systems where there is a log at all: ext2 to 4, XFS. */
const hasLog = [0xef53, 0x58465342].includes(statfsSync(tmpdir()).type);
if (!hasLog) console.log('skipped: the folder for temporary files is not on ext4 or XFS');
if (!hasLog && process.env['CI'] === 'true') throw new Error('in CI nothing is skipped');
export const ahead = hasLog ? test : test.skip;

/** A writer that says `body 1`, `body 2` … one after the other. */
export const openTalker = (root: string, boot: string, rotation = LARGE) => {
  const writer = openWriter({ root, key, clock: { now: Date.now }, durability: 'fsync', rotation, boot });
  const said: string[] = [];
  const say = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      const body = `body ${said.length + 1}`;
      await writer.submit([{ type: 'SAID', body }], false);
      said.push(body);
    }
  };
  /** Until what is said goes through the log. */
  const warm = (): Promise<unknown> =>
    until('the log is in use', async () => {
      await say(8);
      return (logs(root).length > 0 && entriesIn(root).length > 2) || undefined;
    });
  return { writer, said, say, warm };
};

/** What a power cut would leave: a copy of all, with the bus file as `change` makes it. */
export const cutOff = async <T>(root: string, use: (root: string) => Promise<T>): Promise<T> => {
  const copy = mkdtempSync(join(tmpdir(), 'bus-cut-'));
  try {
    cpSync(root, copy, { recursive: true });
    return await use(copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
};

export const withTalker = (
  use: (talker: ReturnType<typeof openTalker>, root: string) => Promise<void>,
): Promise<void> =>
  withRoot(async (root) => {
    const talker = openTalker(root, 'a1');
    try {
      await talker.warm();
      await use(talker, root);
    } finally {
      await talker.writer.close();
    }
  });

/** The bytes that the log tells first and where they stand, and the whole bus. */
export const stateOf = (root: string) => ({ first: entriesIn(root)[0], whole: readFileSync(busFile(root)) });
