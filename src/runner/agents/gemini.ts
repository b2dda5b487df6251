import type { Backend } from './backend.js';

export const gemini: Backend = {
  name: 'gemini',
  program: 'gemini',
  family: 'gemini',
  keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  baseUrl: 'GOOGLE_GEMINI_BASE_URL',
  resumes: true,
  preamble: true,
  settings: ['GOOGLE_GEMINI_BASE_URL', 'GOOGLE_CLOUD_PROJECT', 'GOOGLE_CLOUD_LOCATION', 'GOOGLE_GENAI_USE_VERTEXAI'],
  launch: ({ spec, config, program, readOnly, prompt }) => ({
    argv: [
      ...program,
      ...['-o', 'stream-json', ...(readOnly ? ['--approval-mode', 'plan'] : ['--yolo']), '--skip-trust'],
      ...(config.model === undefined ? [] : ['-m', config.model]),
      ...(spec.resume_session === undefined ? [] : ['--resume', spec.resume_session]),
    ],
    stdin: prompt,
    env: {
      // It would run itself a second time, and a signal to the first would not reach the second.
      GEMINI_CLI_NO_RELAUNCH: 'true',
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
    },
  }),
};
