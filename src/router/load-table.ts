import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ConductorError, formatPosition, type ErrorCode, type Position } from '../core/errors.js';
import type { RuleTable } from '../core/rule.js';
import { checkTable, type PlacedRule, type RuleFile } from './check-table.js';

/** A table is checked within this, or it is not taken. */
const LIMIT_MS = 1_000;
/** So long may a worker take to begin on a machine that is busy. */
const START_MS = 30_000;

export const isRuleFile = (name: string): boolean => /^[^.].*\.ya?ml$/.test(name);

export const readRuleFiles = async (folder: string): Promise<RuleFile[]> => {
  const names = (await readdir(folder).catch(() => [])).filter(isRuleFile).sort();
  return Promise.all(
    names.map(async (name) => ({ file: join(folder, name), text: await readFile(join(folder, name), 'utf8') })),
  );
};

/** Of the files' text: a table that says the same has the same hash wherever it lies. */
export const hashOf = (files: readonly RuleFile[]): string => {
  const hash = createHash('sha256');
  for (const { file, text } of files) hash.update(`${file.slice(file.lastIndexOf('/') + 1)}\0${text}\0`);
  return hash.digest('hex').slice(0, 16);
};

interface Answer {
  placed?: PlacedRule[];
  error?: { code: ErrorCode; message: string; details?: Record<string, unknown>; position?: Position };
}

const revive = ({ code, message, details, position }: NonNullable<Answer['error']>): ConductorError => {
  const place = position ? `${formatPosition(position)}: ` : '';
  const bare = message.startsWith(place) ? message.slice(place.length) : message;
  return new ConductorError(code, bare, { ...(details ? { details } : {}), ...(position ? { position } : {}) });
};

/** As `checkTable`, in a thread that is ended after a second. */
const checkAside = (
  worker: string,
  files: readonly RuleFile[],
  handlers: readonly string[] | undefined,
): Promise<PlacedRule[]> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(worker, { resourceLimits: { maxOldGenerationSizeMb: 512 } });
    const fail = (message: string, cause?: unknown): void =>
      reject(
        new ConductorError('invalid_file', message, {
          cause,
          ...(files[0] ? { position: { file: files.length === 1 ? files[0].file : `${files.length} files` } } : {}),
        }),
      );
    const end = (timer: NodeJS.Timeout): void => {
      clearTimeout(timer);
      void thread.terminate();
    };
    const late = (): void => {
      void thread.terminate();
      fail(`checking the rules took longer than ${LIMIT_MS} ms`);
    };
    let timer = setTimeout(late, START_MS);
    thread.on('message', (answer: Answer | 'ready') => {
      clearTimeout(timer);
      if (answer === 'ready') {
        timer = setTimeout(late, LIMIT_MS);
        thread.postMessage({ files, handlers });
        return;
      }
      end(timer);
      if (answer.error) reject(revive(answer.error));
      else resolve(answer.placed ?? []);
    });
    thread.on('error', (error) => {
      end(timer);
      fail(`the rules cannot be checked: ${error.message}`, error);
    });
  });

export interface LoadedTable {
  table: RuleTable;
  placed: readonly PlacedRule[];
}

/** Checks files that were read; throws `invalid_file` for the first thing that is wrong. `worker`: the file of the thread. */
export const checkFiles = async (
  files: readonly RuleFile[],
  handlers?: readonly string[],
  worker?: string,
): Promise<LoadedTable> => {
  const placed =
    worker === undefined || files.length === 0
      ? checkTable(files, handlers)
      : await checkAside(worker, files, handlers);
  return { table: { hash: hashOf(files), rules: placed.map(({ rule }) => rule) }, placed };
};

/** Reads and checks the whole folder. */
export const loadTable = async (folder: string, handlers?: readonly string[], worker?: string): Promise<LoadedTable> =>
  checkFiles(await readRuleFiles(folder), handlers, worker);
