import { ConductorError } from '../../core/errors.js';

/** Where a webhook is delivered. */
export const addressOf = (server: string, name: string): string => {
  try {
    return new URL(`/webhooks/${encodeURIComponent(name)}`, server).href;
  } catch (cause) {
    throw new ConductorError('usage', `--server "${server}" is no address`, { cause });
  }
};
