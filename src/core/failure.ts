import { ConductorError, formatPosition, toConductorError, type ErrorCode, type Position } from './errors.js';

/** An error as one thread tells it to another. */
export interface Failure {
  code: ErrorCode;
  message: string;
  details: Record<string, unknown> | undefined;
  position: Position | undefined;
}

export const failureOf = (error: unknown): Failure => {
  const { code, message, details, position } = toConductorError(error);
  return { code, message, details, position };
};

export const revive = ({ code, message, details, position }: Failure): ConductorError => {
  const place = position ? `${formatPosition(position)}: ` : '';
  const bare = message.startsWith(place) ? message.slice(place.length) : message;
  return new ConductorError(code, bare, { ...(details ? { details } : {}), ...(position ? { position } : {}) });
};
