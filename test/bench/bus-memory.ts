/** What reading a bus costs in memory: the peak of a process of its own, which is the command that people use. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../support/service.js';
import { busOf, record } from './bus-of.js';
import type { Report } from './measure.js';

const SMALL = 100_000_000;
const LARGE = 400_000_000;
/** Says at the end how much the process had at most, in kilobytes. */
const WITNESS = `data:text/javascript,
import { writeSync } from 'node:fs';
process.on('exit', () => writeSync(3, String(process.resourceUsage().maxRSS)));`;

/** Bytes. */
const peakOf = async (root: string, args: readonly string[]): Promise<number> => {
  const words = ['--import', WITNESS, command('messagebus-tool'), 'read', '--root', root, ...args];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  let said = '';
  child.stdio[3]?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0 || !/^\d+$/.test(said)) throw new Error(`messagebus-tool read left with ${code} and said "${said}"`);
  return 1_024 * Number(said);
};

export const memory = async (report: Report): Promise<void> => {
  const roots = [SMALL, LARGE].map((bytes) => {
    const root = mkdtempSync(join(tmpdir(), 'bus-bench-'));
    mkdirSync(root, { recursive: true });
    busOf(root, Math.round(bytes / record(0).length));
    return root;
  });
  const [small = '', large = ''] = roots;
  for (const [name, args] of [
    ['in full', []],
    ['by type', ['--type', 'RARE']],
    ['the last 1,000', ['--tail', '1000']],
  ] as const) {
    const [ours, more] = [await peakOf(small, args), await peakOf(large, args)];
    report({
      name: `peak memory of messagebus-tool read, 400 MB ${name}`,
      kind: 'bytes',
      ours: more,
      reference: 150_000_000,
      against: '150 MB',
      bar: 1,
    });
    report({
      name: `the same beside a bus of 100 MB, ${name}`,
      kind: 'bytes',
      ours: more,
      reference: ours,
      against: '100 MB',
      bar: 1.2,
    });
  }
  for (const root of roots) rmSync(root, { recursive: true });
};
