import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConductorError, toConductorError } from '../core/errors.js';
import { revive } from '../core/failure.js';
import type { HandlerSignature } from '../core/parameters.js';
import type { RuleTable } from '../core/rule.js';
import { openAside, TookTooLong } from '../operators/aside.js';
import { checkTable, type CheckAnswer, type CheckOrder, type PlacedRule, type RuleFile } from './check-table.js';

/** A file is checked within this, or the table is not taken: of the processor's time, so that a busy machine refuses no good file. */
const LIMIT_MS = 1_000;
/** So long it may take in any case, and to begin. */
const MOST_MS = 30_000;

export const isRuleFile = (name: string): boolean => /^[^.].*\.ya?ml$/.test(name);

/** A little more than a file may have: the check says that it is too large, with its place. */
const MOST_READ = 512 * 1024;

const readStart = async (path: string): Promise<string> => {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(size, MOST_READ)), 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
};

const cannotRead = (path: string, cause: unknown): ConductorError => {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ConductorError('invalid_file', `it cannot be read: ${why}`, { cause, position: { file: path } });
};

/** In the order of their names. @throws ConductorError `invalid_file` where the folder or a file cannot be read. */
export const readRuleFiles = async (folder: string): Promise<RuleFile[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw cannotRead(folder, error);
  });
  const names = entries.filter((entry) => isRuleFile(entry.name) && !entry.isDirectory()).map(({ name }) => name);
  return Promise.all(
    names.sort().map(async (name) => {
      const file = join(folder, name);
      const text = await readStart(file).catch((error: unknown) => {
        throw cannotRead(file, error);
      });
      return { file, text };
    }),
  );
};

/** As `readRuleFiles`; a folder that is not there has no rules. */
export const readFirstFiles = async (folder: string): Promise<RuleFile[]> =>
  existsSync(folder) ? readRuleFiles(folder) : [];

/** Of the files' text: a table that says the same has the same hash wherever it lies. */
export const hashOf = (files: readonly RuleFile[]): string => {
  const hash = createHash('sha256');
  for (const { file, text } of files) hash.update(`${file.slice(file.lastIndexOf('/') + 1)}\0${text}\0`);
  return hash.digest('hex').slice(0, 16);
};

/** Told of a file that is not good, for those who go on with the others. */
type OnBroken = (error: ConductorError) => void;

/** As `checkTable`, in a thread that is ended when a file takes longer than a second. */
const checkAside = async (
  worker: string,
  order: CheckOrder,
  onBroken: OnBroken = (error) => {
    throw error;
  },
): Promise<PlacedRule[]> => {
  const aside = openAside<CheckOrder, CheckAnswer>({
    file: worker,
    processor_ms: LIMIT_MS,
    most_ms: MOST_MS,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  const placed: PlacedRule[] = [];
  let checked = 0;
  try {
    await aside.ask(order).forEach((answer) => {
      if ('failure' in answer) onBroken(revive(answer.failure));
      else for (const one of answer.placed) placed.push(one);
      checked += 1;
    });
  } catch (cause) {
    if (cause instanceof ConductorError) throw cause;
    const why =
      cause instanceof TookTooLong
        ? `checking it took longer than ${LIMIT_MS} ms`
        : `it cannot be checked: ${(cause as Error).message}`;
    const { file = '' } = order.files[checked] ?? order.files[0]!;
    throw new ConductorError('invalid_file', why, { cause, position: { file, line: 1, column: 1 } });
  }
  return placed;
};

export interface LoadedTable {
  table: RuleTable;
  placed: readonly PlacedRule[];
}

/** Checks files that were read; throws `invalid_file` for the first thing that is wrong. `worker`: the file of the thread. */
export const checkFiles = async (
  files: readonly RuleFile[],
  handlers?: readonly HandlerSignature[],
  worker?: string,
  onBroken?: OnBroken,
): Promise<LoadedTable> => {
  const placed =
    worker === undefined || files.length === 0
      ? checkTable(files, handlers)
      : await checkAside(worker, { files, handlers }, onBroken);
  return { table: { hash: hashOf(files), rules: placed.map(({ rule }) => rule) }, placed };
};

/** Reads and checks the whole folder. */
export const loadTable = async (
  folder: string,
  handlers?: readonly HandlerSignature[],
  worker?: string,
): Promise<LoadedTable> => checkFiles(await readFirstFiles(folder), handlers, worker);

export interface GoodTable extends LoadedTable {
  /** The first thing that is wrong in each file that was left out. */
  broken: ConductorError[];
}

/** As `loadTable`, of the files that are good. */
export const loadGoodFiles = async (
  folder: string,
  handlers: readonly HandlerSignature[] | undefined,
  worker: string,
): Promise<GoodTable> => {
  const broken = new Map<string, ConductorError>();
  const onBroken: OnBroken = (error) => broken.set(error.position?.file ?? folder, error);
  let files: RuleFile[] = [];
  try {
    files = await readFirstFiles(folder);
  } catch (error) {
    onBroken(toConductorError(error));
  }
  for (;;) {
    try {
      const loaded = await checkFiles(files, handlers, worker, onBroken);
      return { ...loaded, broken: [...broken.values()] };
    } catch (error) {
      // It took too long, and its thread with it: the others are checked without it.
      const slow = toConductorError(error);
      const left = files.filter(({ file }) => file !== slow.position?.file);
      if (left.length === files.length) throw error;
      onBroken(slow);
      files = left;
    }
  }
};
