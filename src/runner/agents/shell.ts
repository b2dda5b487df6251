import type { Backend } from './backend.js';

/** The prompt is a script. */
export const shell: Backend = {
  name: 'shell',
  keys: [],
  settings: [],
  launch: ({ spec, scriptPath }) => ({
    // A file, never `-c`: no length limit, nothing of it in the list of processes, and its shebang is heard.
    argv: spec.prompt.startsWith('#!') ? [scriptPath] : ['/bin/sh', scriptPath],
    stdin: spec.stdin ?? '',
    script: spec.prompt,
  }),
};
