import type { Backend } from './backend.js';

/** Any program of the configuration: it reads the prompt on stdin and its stdout is the answer. */
export const command: Backend = {
  name: 'command',
  keys: [],
  settings: [],
  launch: ({ program, prompt }) => ({ argv: program, stdin: prompt }),
};
