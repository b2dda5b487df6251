import { SPEAKING, type Backend } from './backend.js';

const READING = 'Read,Grep,Glob,LS,WebFetch,WebSearch';
const SAYING = SPEAKING.map((tool) => `mcp__conductor__${tool}`).join(',');

/** The variable is put in by claude itself: a command line is for everybody to read. */
const servers = (url: string): string =>
  JSON.stringify({
    mcpServers: { conductor: { type: 'http', url, headers: { Authorization: 'Bearer ${CONDUCTOR_TICKET}' } } },
  });

/** Without a service there is nobody to ask: what is not allowed is denied. */
const permissions = (mcpUrl: string | undefined): string[] =>
  mcpUrl === undefined
    ? ['--permission-mode', 'dontAsk']
    : ['--permission-mode', 'default', '--permission-prompt-tool', 'mcp__conductor__approve'];

export const claude: Backend = {
  name: 'claude',
  program: 'claude',
  family: 'claude',
  keys: ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'ANTHROPIC_AUTH_TOKEN'],
  baseUrl: 'ANTHROPIC_BASE_URL',
  resumes: true,
  preamble: true,
  settings: ['ANTHROPIC_BASE_URL', 'CLAUDE_CONFIG_DIR', 'CLAUDE_CODE_MAX_RETRIES'],
  asks: true,
  launch: ({ spec, config, program, asRoot, readOnly, asks, prompt, mcpUrl }) => ({
    argv: [
      ...program,
      ...['-p', '--output-format', 'stream-json', '--verbose'],
      ...(readOnly || asks
        ? [...permissions(asks ? mcpUrl : undefined), '--allowedTools', `${READING},${SAYING}`]
        : ['--dangerously-skip-permissions']),
      ...(mcpUrl === undefined ? [] : ['--mcp-config', servers(mcpUrl)]),
      ...(config.model === undefined ? [] : ['--model', config.model]),
      ...(config.limits?.turns === undefined ? [] : ['--max-turns', String(config.limits.turns)]),
      ...(config.limits?.usd === undefined ? [] : ['--max-budget-usd', String(config.limits.usd)]),
      ...(spec.output_schema === undefined ? [] : ['--json-schema', JSON.stringify(spec.output_schema)]),
      ...(spec.resume_session === undefined ? [] : ['--resume', spec.resume_session]),
    ],
    stdin: prompt,
    env: {
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      // As root it refuses to work without questions unless told that it is in a sandbox.
      ...(asRoot ? { IS_SANDBOX: '1' } : {}),
    },
  }),
};
