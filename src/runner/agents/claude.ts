import { promptOf, type Backend } from './backend.js';

export const claude: Backend = {
  name: 'claude',
  program: 'claude',
  family: 'claude',
  keys: ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'ANTHROPIC_AUTH_TOKEN'],
  settings: ['ANTHROPIC_BASE_URL', 'CLAUDE_CONFIG_DIR', 'CLAUDE_CODE_MAX_RETRIES'],
  launch: ({ spec, config, program, asRoot }) => ({
    argv: [
      ...program,
      ...['-p', '--output-format', 'stream-json', '--verbose', '--dangerously-skip-permissions'],
      ...(config.model === undefined ? [] : ['--model', config.model]),
    ],
    stdin: promptOf(spec),
    env: {
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      // As root it refuses to work without questions unless told that it is in a sandbox.
      ...(asRoot ? { IS_SANDBOX: '1' } : {}),
    },
  }),
};
