/**
 * The one catalogue of what can go wrong. `status` is the HTTP status, `exit` the exit code of a command or a run:
 * 1 retriable, 2 permanent or wrong use, 3 configuration.
 */
export const CATALOGUE = {
  usage: { status: 400, exit: 2 },
  bad_request: { status: 400, exit: 2 },
  reserved_type: { status: 403, exit: 2 },
  unauthorized: { status: 401, exit: 2 },
  forbidden: { status: 403, exit: 2 },
  not_found: { status: 404, exit: 2 },
  method_not_allowed: { status: 405, exit: 2 },
  conflict: { status: 409, exit: 2 },
  too_large: { status: 413, exit: 2 },
  unsupported_media_type: { status: 415, exit: 2 },
  rate_limited: { status: 429, exit: 1 },
  too_deep: { status: 409, exit: 2 },
  over_budget: { status: 409, exit: 2 },
  dependency_failed: { status: 409, exit: 2 },
  paused: { status: 503, exit: 1 },
  unavailable: { status: 503, exit: 1 },
  storage: { status: 503, exit: 1 },
  timeout: { status: 504, exit: 1 },
  stopped: { status: 409, exit: 1 },
  unknown_agent: { status: 400, exit: 3 },
  unknown_handler: { status: 400, exit: 3 },
  configuration: { status: 500, exit: 3 },
  invalid_file: { status: 422, exit: 3 },
  root_in_use: { status: 409, exit: 3 },
  port_in_use: { status: 409, exit: 3 },
  internal: { status: 500, exit: 1 },
} as const satisfies Record<string, { status: number; exit: 1 | 2 | 3 }>;

export type ErrorCode = keyof typeof CATALOGUE;

/** Where in a file something is wrong. Lines and columns count from 1. */
export interface Position {
  file: string;
  line?: number;
  column?: number;
  /** The field, as `rules[0].on`. */
  field?: string;
}

export const formatPosition = (position: Position): string =>
  [position.file, position.line, position.line === undefined ? undefined : position.column]
    .filter((part) => part !== undefined)
    .join(':');

export class ConductorError extends Error {
  override readonly name = 'ConductorError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;
  readonly position: Position | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown>; position?: Position } = {},
  ) {
    super(options.position ? `${formatPosition(options.position)}: ${message}` : message, { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.position = options.position;
  }

  get status(): number {
    return CATALOGUE[this.code].status;
  }

  get exit(): 1 | 2 | 3 {
    return CATALOGUE[this.code].exit;
  }
}

/** Whatever was thrown, as one of ours. */
export const toConductorError = (error: unknown): ConductorError =>
  error instanceof ConductorError
    ? error
    : new ConductorError('internal', error instanceof Error ? error.message : String(error), { cause: error });
