import type { Backend } from './backend.js';

/** The variable is put in by gemini itself. */
const servers = (url: string): string =>
  JSON.stringify({
    mcpServers: { conductor: { httpUrl: url, headers: { Authorization: 'Bearer ${CONDUCTOR_TICKET}' }, trust: true } },
  });

export const gemini: Backend = {
  name: 'gemini',
  program: 'gemini',
  family: 'gemini',
  keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  baseUrl: 'GOOGLE_GEMINI_BASE_URL',
  resumes: true,
  preamble: true,
  settings: ['GOOGLE_GEMINI_BASE_URL', 'GOOGLE_CLOUD_PROJECT', 'GOOGLE_CLOUD_LOCATION', 'GOOGLE_GENAI_USE_VERTEXAI'],
  launch: ({ spec, config, program, readOnly, prompt, scriptPath, mcpUrl }) => ({
    argv: [
      ...program,
      ...['-o', 'stream-json', ...(readOnly ? ['--approval-mode', 'plan'] : ['--yolo']), '--skip-trust'],
      ...(config.model === undefined ? [] : ['-m', config.model]),
      ...(spec.resume_session === undefined ? [] : ['--resume', spec.resume_session]),
    ],
    stdin: prompt,
    // Settings below the user's own, in the file of a script, of which it has none.
    ...(mcpUrl === undefined ? {} : { script: servers(mcpUrl) }),
    env: {
      ...(mcpUrl === undefined ? {} : { GEMINI_CLI_SYSTEM_DEFAULTS_PATH: scriptPath }),
      // It would run itself a second time, and a signal to the first would not reach the second.
      GEMINI_CLI_NO_RELAUNCH: 'true',
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
    },
  }),
};
