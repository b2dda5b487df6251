import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConductorError } from '../core/errors.js';
import { ID_RULE, isId } from '../core/id.js';
import type { Runs } from '../core/ports.js';
import type { RunInfo } from '../core/run.js';
import { writeInPlaceOf, writeNew, writeThenSync } from './atomic-write.js';
import { layout } from './layout.js';
import { decodeRunInfo, encodeRunInfo } from './run-info-yaml.js';

const INFO = 'run-info.yaml';

/** An id becomes the name of a folder: anything that could leave the root stops here. */
const checkId = (field: string, id: string): string => {
  if (isId(id)) return id;
  throw new ConductorError('bad_request', `${field} ${JSON.stringify(id)}: ${ID_RULE}`, { details: { field } });
};

const gone = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

const folders = async (path: string): Promise<string[]> => {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && isId(entry.name)).map((entry) => entry.name);
  } catch (error) {
    if (gone(error)) return [];
    throw error;
  }
};

const collator = new Intl.Collator('en', { numeric: true });
/** Newest first. A run_id begins with its time; within one instant the natural order puts 10 after 9. */
const byAge = (a: string, b: string): number => collator.compare(b, a);

const refuse =
  (what: string) =>
  (error: unknown): never => {
    if (error instanceof ConductorError) throw error;
    throw new ConductorError('storage', `cannot write ${what}: ${(error as Error).message}`, { cause: error });
  };

/**
 * That a run began is durable on the bus before it is here, so only its end is waited for on the disk: after a power cut
 * no process of a run is left, and whoever finds it without an info knows what that means.
 */
const replace = async (file: string, info: RunInfo): Promise<void> => {
  if (info.status === 'running') return writeInPlaceOf(file, encodeRunInfo(info));
  // Until it is durable the run's raw folder is there, and tells the same again.
  await writeThenSync(file, encodeRunInfo(info));
};

export const openRuns = (rootPath: string): Runs => {
  const paths = layout(resolve(rootPath));

  const folder: Runs['folder'] = ({ project_id, task_id, run_id }) => {
    checkId('project_id', project_id);
    checkId('task_id', task_id);
    return run_id === undefined
      ? paths.task(project_id, task_id)
      : paths.run(project_id, task_id, checkId('run_id', run_id));
  };

  /** A run whose process died between mkdir and the first write has no info: it never was. */
  const find = (path: string): RunInfo | undefined => {
    const file = join(path, INFO);
    try {
      // Asked on the way to a start, where there is none yet: another thread would take longer to say so.
      return decodeRunInfo(readFileSync(file, 'utf8'), file);
    } catch (error) {
      if (gone(error)) return undefined;
      throw error;
    }
  };

  /** For lists: one damaged file must not hide all the others. */
  const readLeniently = async (path: string): Promise<RunInfo | undefined> => {
    const file = join(path, INFO);
    try {
      return decodeRunInfo(await readFile(file, 'utf8'), file);
    } catch (error) {
      if (gone(error) || (error instanceof ConductorError && error.code === 'invalid_file')) return undefined;
      throw error;
    }
  };

  return {
    folder,
    async create(info, prompt) {
      const path = folder(info);
      try {
        // On the way to the start of a process each turn of the event loop counts.
        mkdirSync(join(path, '..'), { recursive: true });
        mkdirSync(path);
        writeFileSync(join(path, 'prompt.md'), prompt);
        writeNew(join(path, INFO), encodeRunInfo(info));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
          throw new ConductorError('conflict', `the run ${info.run_id} exists already`, { cause: error });
        }
        refuse(path)(error);
      }
      return path;
    },
    async update(info) {
      const file = join(folder(info), INFO);
      await replace(file, info).catch(refuse(file));
    },
    find: async (scope) => find(folder(scope)),
    async remove(scope) {
      const path = folder(scope);
      await rm(path, { recursive: true, force: true }).catch(refuse(path));
    },
    async *list(filter = {}) {
      const projects = filter.project_id === undefined ? await folders(paths.runsFolder) : [filter.project_id];
      const found: { run_id: string; path: string }[] = [];
      for (const project_id of projects) {
        const tasks =
          filter.task_id === undefined
            ? await folders(paths.project(checkId('project_id', project_id)))
            : [filter.task_id];
        for (const task_id of tasks) {
          const task = folder({ project_id, task_id });
          const ids = await folders(task);
          const wanted = filter.latest ? ids.sort(byAge).slice(0, 1) : ids;
          for (const run_id of wanted) found.push({ run_id, path: join(task, run_id) });
        }
      }
      found.sort((a, b) => byAge(a.run_id, b.run_id));
      for (const { path } of found) {
        const info = await readLeniently(path);
        if (info && (filter.status === undefined || info.status === filter.status)) yield info;
      }
    },
  };
};
