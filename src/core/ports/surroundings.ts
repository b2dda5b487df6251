/** What core takes from the machine instead of reaching for it. */
import type { SchedulerLike } from 'rxjs';

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Drives every timer of the streams; a virtual one in marble tests. */
  readonly scheduler: SchedulerLike;
}

/** Uniform in [0, 1). */
export type Random = () => number;

export interface Ids {
  /** `YYYYMMDD-HHMMSSffff-PID-SEQ`. */
  runId(): string;
  /** `<prefix>-YYYYMMDD-HHMMSS-SEQ`, unique on this machine. */
  taskId(prefix: string): string;
}

export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
