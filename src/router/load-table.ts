import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ConductorError, formatPosition, toConductorError, type ErrorCode, type Position } from '../core/errors.js';
import type { HandlerSignature } from '../core/parameters.js';
import type { RuleTable } from '../core/rule.js';
import { checkTable, type PlacedRule, type RuleFile } from './check-table.js';

/** A file is checked within this, or the table is not taken: of the processor's time, so that a busy machine refuses no good file. */
const LIMIT_MS = 1_000;
/** So long it may take in any case, and to begin. */
const MOST_MS = 30_000;

/** A moment, and what this process and its main loop had done by then. */
const begin = () => ({
  at: performance.now(),
  usage: process.cpuUsage(),
  loop: performance.eventLoopUtilization(),
});

/** Ms of the processor that the thread can have used since: all of the process but what the main loop was at work itself. */
const usedSince = ({ usage, loop }: ReturnType<typeof begin>): number => {
  const { user, system } = process.cpuUsage(usage);
  return (user + system) / 1_000 - performance.eventLoopUtilization(loop).active;
};

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

interface Failure {
  code: ErrorCode;
  message: string;
  details?: Record<string, unknown>;
  position?: Position;
}
type Answer = 'ready' | 'done' | { placed: PlacedRule[] } | { error: Failure };

const revive = ({ code, message, details, position }: Failure): ConductorError => {
  const place = position ? `${formatPosition(position)}: ` : '';
  const bare = message.startsWith(place) ? message.slice(place.length) : message;
  return new ConductorError(code, bare, { ...(details ? { details } : {}), ...(position ? { position } : {}) });
};

/** Told of a file that is not good, for those who go on with the others. */
type OnBroken = (error: ConductorError) => void;

/** As `checkTable`, in a thread that is ended when a file takes longer than a second. */
const checkAside = (
  worker: string,
  files: readonly RuleFile[],
  handlers: readonly HandlerSignature[] | undefined,
  onBroken: OnBroken | undefined,
): Promise<PlacedRule[]> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(worker, { resourceLimits: { maxOldGenerationSizeMb: 512 } });
    const placed: PlacedRule[] = [];
    let checked = 0;
    let timer = setTimeout(() => late(), MOST_MS);
    let began = begin();
    const end = (): void => {
      clearTimeout(timer);
      void thread.terminate();
    };
    const fail = (message: string, cause?: unknown): void => {
      end();
      const { file = '' } = files[checked] ?? files[0]!;
      reject(new ConductorError('invalid_file', message, { cause, position: { file, line: 1, column: 1 } }));
    };
    const late = (): void => {
      const left = LIMIT_MS - usedSince(began);
      if (left > 0 && performance.now() - began.at < MOST_MS) timer = setTimeout(late, left);
      else fail(`checking it took longer than ${LIMIT_MS} ms`);
    };
    thread.on('message', (answer: Answer) => {
      clearTimeout(timer);
      if (answer === 'ready') thread.postMessage({ files, handlers });
      else if (answer === 'done') {
        end();
        resolve(placed);
        return;
      } else if ('error' in answer && onBroken) {
        onBroken(revive(answer.error));
        checked += 1;
      } else if ('error' in answer) {
        end();
        reject(revive(answer.error));
        return;
      } else {
        for (const one of answer.placed) placed.push(one);
        checked += 1;
      }
      began = begin();
      timer = setTimeout(late, LIMIT_MS);
    });
    thread.on('error', (error) => fail(`it cannot be checked: ${error.message}`, error));
  });

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
      : await checkAside(worker, files, handlers, onBroken);
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
