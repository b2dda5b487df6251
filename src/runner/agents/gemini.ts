import { join } from 'node:path';
import { SPEAKING, type Backend, type LaunchContext } from './backend.js';

/**
 * With a service of another address it takes its key for a gateway's, and ends. It would try a full service ten times,
 * silently, for minutes: after a few, whoever waits for it knows better what to do.
 */
const settingsOf = ({ config, environment, mcpUrl }: LaunchContext): Record<string, unknown> => {
  const elsewhere = config.base_url ?? environment['GOOGLE_GEMINI_BASE_URL'];
  const vertex = environment['GOOGLE_GENAI_USE_VERTEXAI'] === 'true';
  return {
    general: { enableAutoUpdate: false, maxAttempts: 3 },
    ...(elsewhere === undefined || vertex ? {} : { security: { auth: { selectedType: 'gemini-api-key' } } }),
    // The variable is put in by gemini itself.
    ...(mcpUrl === undefined
      ? {}
      : {
          mcpServers: {
            conductor: { httpUrl: mcpUrl, headers: { Authorization: 'Bearer ${CONDUCTOR_TICKET}' }, trust: true },
          },
        }),
  };
};

/** Its plan mode alone is no bound: without a person it lets itself out of it, and then does what it likes. */
const READER = 'reader.toml';
const READING = `[[rule]]
toolName = ["exit_plan_mode", "run_shell_command", "write_file", "replace"]
decision = "deny"
priority = 999

[[rule]]
mcpName = "conductor"
toolName = "*"
decision = "deny"
priority = 998

[[rule]]
mcpName = "conductor"
toolName = ${JSON.stringify(SPEAKING)}
decision = "allow"
priority = 999
`;

/** Its sessions and what it notes about them. */
const OWN = ['tmp', 'history', 'projects.json', 'state.json'];

export const gemini: Backend = {
  name: 'gemini',
  program: 'gemini',
  family: 'gemini',
  keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  baseUrl: 'GOOGLE_GEMINI_BASE_URL',
  resumes: true,
  preamble: true,
  settings: ['GOOGLE_GEMINI_BASE_URL', 'GOOGLE_CLOUD_PROJECT', 'GOOGLE_CLOUD_LOCATION', 'GOOGLE_GENAI_USE_VERTEXAI'],
  launch: (context) => ({
    argv: [
      ...context.program,
      ...[
        '-o',
        'stream-json',
        ...(context.readOnly ? ['--approval-mode', 'plan', '--policy', join(context.homePath, READER)] : ['--yolo']),
        '--skip-trust',
      ],
      ...(context.config.model === undefined ? [] : ['-m', context.config.model]),
      ...(context.spec.resume_session === undefined ? [] : ['--resume', context.spec.resume_session]),
    ],
    stdin: context.prompt,
    // It takes settings from nowhere else, unless a file that only root could have written.
    home: {
      variable: 'GEMINI_CLI_HOME',
      folder: '.gemini',
      settings: settingsOf(context),
      own: OWN,
      files: { [READER]: READING },
    },
    env: {
      // It would run itself a second time, and a signal to the first would not reach the second.
      GEMINI_CLI_NO_RELAUNCH: 'true',
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
    },
  }),
};
