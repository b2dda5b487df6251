import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { watch } from 'chokidar';
import { Subject, concatMap, debounceTime, from } from 'rxjs';
import { compileCondition } from '../core/condition.js';
import { ConductorError } from '../core/errors.js';
import { handlerFileSchema, type Handler, type Step } from '../core/handler.js';
import type { Handlers, Log } from '../core/ports.js';
import { parseYamlFile } from '../core/yaml-document.js';
import { checkTemplate } from './template.js';

const KEYS = [
  'name',
  'description',
  'steps',
  'id',
  'when',
  'timeout',
  'retry',
  'on_error',
  'output',
  'cwd',
  'agent',
  'prompt',
  'prompt_file',
  'shell',
  'script',
  'emit',
  'sequence',
  'parallel',
  'attempt',
];

const childrenOf = (step: Step): readonly Step[] =>
  'sequence' in step
    ? step.sequence
    : 'parallel' in step
      ? step.parallel.steps
      : 'attempt' in step
        ? [...step.attempt.try, ...step.attempt.compensate]
        : [];

const checkStep = (file: string, step: Step): void => {
  const refuse = (field: string, error: unknown): never => {
    throw new ConductorError(
      'invalid_file',
      `step "${step.id ?? ''}", ${field}: ${error instanceof Error ? error.message : String(error)}`,
      { position: { file, field } },
    );
  };
  try {
    if (step.when !== undefined) compileCondition(step.when, ['event', 'steps', 'with']);
  } catch (error) {
    refuse('when', error);
  }
  const templates =
    'emit' in step ? [step.emit.body] : 'agent' in step ? [step.prompt, step.cwd] : 'output' in step ? [step.cwd] : [];
  for (const template of templates) {
    try {
      if (template !== undefined) checkTemplate(template);
    } catch (error) {
      refuse('template', error);
    }
  }
  for (const child of childrenOf(step)) checkStep(file, child);
};

export const loadHandlers = async (folder: string): Promise<Handler[]> => {
  const handlers: Handler[] = [];
  for (const name of (await readdir(folder).catch(() => [])).filter((one) => /\.ya?ml$/.test(one)).sort()) {
    const file = resolve(join(folder, name));
    const text = await readFile(file, 'utf8');
    const parsed = parseYamlFile(file, text, handlerFileSchema, KEYS);
    if (handlers.some((other) => other.name === parsed.name)) {
      throw new ConductorError('invalid_file', `the handler "${parsed.name}" is defined twice`, {
        position: { file, line: 1, field: 'name' },
      });
    }
    for (const step of parsed.steps) checkStep(file, step);
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
    handlers.push({ ...parsed, hash, file });
  }
  return handlers;
};

/** Watches the folder; bad files leave the last good handlers in force. The first reading must be good. */
export const openHandlers = async (folder: string, log: Log): Promise<Handlers> => {
  let current = await loadHandlers(folder);
  const byHash = new Map(current.map((handler) => [handler.hash, handler]));
  const touched = new Subject<void>();
  const watcher = watch(folder, { ignoreInitial: true, depth: 0 });
  watcher.on('all', () => touched.next());
  const reload = async (): Promise<void> => {
    try {
      current = await loadHandlers(folder);
      for (const handler of current) byHash.set(handler.hash, handler);
    } catch (error) {
      log.error(`handlers: nothing was changed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const subscription = touched
    .pipe(
      debounceTime(100),
      concatMap(() => from(reload())),
    )
    .subscribe();
  return {
    find: (name) => current.find((handler) => handler.name === name),
    list: () => current,
    byHash: (hash) => byHash.get(hash),
    async close() {
      subscription.unsubscribe();
      await watcher.close();
    },
  };
};
