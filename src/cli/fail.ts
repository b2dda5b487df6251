import { toConductorError } from '../core/errors.js';

/** Says what went wrong on stderr and gives the exit code of the catalogue. */
export const fail = (error: unknown): number => {
  const ours = toConductorError(error);
  process.stderr.write(`ERROR: ${ours.message}\n`);
  if (ours.code === 'internal' && process.env['CONDUCTOR_DEBUG'] && ours.cause instanceof Error)
    process.stderr.write(`${ours.cause.stack}\n`);
  return ours.exit;
};
