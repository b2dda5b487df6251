import { promptOf, type Backend } from './backend.js';

export const codex: Backend = {
  name: 'codex',
  program: 'codex',
  family: 'codex',
  keys: ['OPENAI_API_KEY', 'CODEX_API_KEY'],
  settings: ['CODEX_HOME', 'OPENAI_BASE_URL'],
  launch: ({ spec, config, program }) => ({
    argv: [
      ...program,
      ...['exec', '--json', '--skip-git-repo-check'],
      // Without these it waits seconds for the network at its end.
      ...['--disable', 'plugins', '-c', 'analytics.enabled=false', '-c', 'check_for_update_on_startup=false'],
      // The run's folder, where output.md goes, lies outside its working directory.
      ...['--dangerously-bypass-approvals-and-sandbox'],
      ...(config.model === undefined ? [] : ['-m', config.model]),
      '-',
    ],
    stdin: promptOf(spec),
  }),
};
