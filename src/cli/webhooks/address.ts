import { ConductorError } from '../../core/errors.js';
import { readServiceFile } from '../../storage/service-file.js';

const USUAL = 'http://127.0.0.1:14355';

export interface Where {
  server?: string;
  root: string;
}

/** The service that is named, else the one that owns the root, else the usual address. */
export const serverOf = async ({ server, root }: Where): Promise<string> => {
  if (server !== undefined) return server;
  const service = readServiceFile(root);
  if (service?.socket !== undefined)
    throw new ConductorError(
      'usage',
      `the service of ${root} listens on the socket ${service.socket} alone: name the address of what stands before it with --server`,
    );
  return service?.url ?? USUAL;
};

/** Where a webhook is delivered. */
export const addressOf = (server: string, name: string): string => {
  try {
    return new URL(`/webhooks/${encodeURIComponent(name)}`, server).href;
  } catch (cause) {
    throw new ConductorError('usage', `--server "${server}" is no address`, { cause });
  }
};
