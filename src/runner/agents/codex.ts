import { SPEAKING, type Backend } from './backend.js';

/** Its own variable for this is not heard by all of its versions; a provider is. */
const provider = (url: string): string[] => [
  '-c',
  `model_providers.conductor={name="conductor",base_url="${url}",env_key="OPENAI_API_KEY",wire_api="responses"}`,
  '-c',
  'model_provider=conductor',
];

/** Nobody is there to approve of a call. */
const server = (url: string, readOnly: boolean): string => {
  const tools = readOnly ? `,enabled_tools=${JSON.stringify(SPEAKING)}` : '';
  return `{url="${url}",bearer_token_env_var="CONDUCTOR_TICKET",default_tools_approval_mode="approve"${tools}}`;
};

/** The service behind it takes only schemas that leave nothing open; with any other it is asked in words alone. */
const isClosed = (schema: unknown): boolean => {
  if (schema === null || typeof schema !== 'object') return true;
  if (Array.isArray(schema)) return schema.every(isClosed);
  const { type, properties, required, additionalProperties } = schema as Record<string, unknown>;
  const names = properties !== null && typeof properties === 'object' ? Object.keys(properties) : [];
  const closed =
    type !== 'object' ||
    (additionalProperties === false && names.every((name) => Array.isArray(required) && required.includes(name)));
  return closed && Object.values(schema).every(isClosed);
};

const isHeld = (schema: unknown): boolean => schema !== undefined && isClosed(schema);

export const codex: Backend = {
  name: 'codex',
  program: 'codex',
  family: 'codex',
  keys: ['OPENAI_API_KEY', 'CODEX_API_KEY'],
  resumes: true,
  preamble: true,
  settings: ['CODEX_HOME', 'OPENAI_BASE_URL'],
  launch: ({ spec, config, program, readOnly, prompt, scriptPath, mcpUrl }) => ({
    argv: [
      ...program,
      ...['exec', '--json', '--skip-git-repo-check'],
      // Without these it waits seconds for the network at its end.
      ...['--disable', 'plugins', '-c', 'analytics.enabled=false', '-c', 'check_for_update_on_startup=false'],
      // A login shell sets PATH anew: our commands, and what the caller had in front, would not be found.
      ...['-c', 'allow_login_shell=false'],
      // The run's folder, where output.md goes, lies outside its working directory.
      ...(readOnly ? ['--sandbox', 'read-only'] : ['--dangerously-bypass-approvals-and-sandbox']),
      ...(mcpUrl === undefined ? [] : ['-c', `mcp_servers.conductor=${server(mcpUrl, readOnly)}`]),
      ...(config.base_url === undefined ? [] : provider(config.base_url)),
      ...(config.model === undefined ? [] : ['-m', config.model]),
      ...(isHeld(spec.output_schema) ? ['--output-schema', scriptPath] : []),
      ...(spec.resume_session === undefined ? [] : ['resume', spec.resume_session]),
      '-',
    ],
    stdin: prompt,
    // The file of a script, of which it has none.
    ...(isHeld(spec.output_schema) ? { script: JSON.stringify(spec.output_schema) } : {}),
  }),
};
