import { relative } from 'node:path';
import { printTable } from '../table.js';
import { asMermaid, asText } from '../../core/handler-graph.js';
import { findHandler, readAll, readHandlers } from './folder.js';

export interface HandlersOptions {
  handlers: string;
  json?: boolean;
}

export const listHandlers = async (options: HandlersOptions): Promise<void> => {
  const rows = (await readHandlers(options.handlers)).map(({ name, description, hash, file, language, steps }) => ({
    name,
    language,
    steps: steps.length,
    hash,
    file: relative('.', file),
    description: description ?? '',
  }));
  printTable(
    rows,
    [
      { title: 'handler', of: (row) => row.name },
      { title: 'steps', of: (row) => row.steps },
      { title: 'hash', of: (row) => row.hash },
      { title: 'file', of: (row) => row.file },
      { title: 'description', of: (row) => row.description },
    ],
    { json: options.json, name: 'handlers' },
  );
};

/** Says the first thing that is wrong in each file. Gives the exit code. */
export const checkHandlers = async (options: HandlersOptions): Promise<number> => {
  const { handlers, broken } = await readAll(options.handlers);
  if (options.json) {
    const good = handlers.map(({ name, hash, file }) => ({ name, hash, file }));
    const errors = broken.map(({ code, message, position }) => ({ code, message, ...position }));
    process.stdout.write(`${JSON.stringify({ handlers: good, errors })}\n`);
  } else if (broken.length === 0) process.stdout.write(`${handlers.length} handlers are good\n`);
  return broken[0]?.exit ?? 0;
};

export const graphHandler = async (name: string, options: HandlersOptions & { mermaid?: boolean }): Promise<void> => {
  const handler = findHandler(await readHandlers(options.handlers), name);
  if (options.json) process.stdout.write(`${JSON.stringify({ name, steps: handler.steps }, null, 2)}\n`);
  else process.stdout.write(options.mermaid ? asMermaid(handler) : asText(handler));
};
