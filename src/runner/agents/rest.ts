import type { ServiceName } from '../rest/services.js';
import type { Backend } from './backend.js';

const rest = (name: ServiceName, key: string, base: string, model: string, resumes: boolean): Backend => ({
  name,
  rest: true,
  family: 'own',
  keys: [key],
  keyAs: 'CONDUCTOR_REST_KEY',
  needsKey: true,
  ...(resumes ? { resumes: true } : {}),
  settings: [],
  launch: ({ spec, config, program, prompt }) => ({
    argv: [
      ...program,
      ...[name, config.base_url ?? base, config.model ?? model],
      ...(spec.resume_session === undefined ? [] : [spec.resume_session]),
    ],
    stdin: prompt,
  }),
});

export const perplexity = rest('perplexity', 'PERPLEXITY_API_KEY', 'https://api.perplexity.ai', 'sonar-pro', false);
export const xai = rest('xai', 'XAI_API_KEY', 'https://api.x.ai/v1', 'grok-4.5', true);
