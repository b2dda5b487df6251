import type { Observable } from 'rxjs';
import type { Handler } from '../handler.js';

export interface Handlers {
  find(name: string): Handler | undefined;
  list(): readonly Handler[];
  /** Of a YAML tree, also one that a file no longer holds: a change never touches a running activation. */
  byHash(hash: string): Handler | undefined;
  /** After each reading of the folder that was good. */
  readonly changes$: Observable<void>;
  close(): Promise<void>;
}

/** Who does a run, of those that may. */
export interface Chooser {
  /** Of a pool one of its members, of an agent that keeps failing its fallback, else the agent itself. */
  choose(name: string): Promise<{
    agent: string;
    pool?: string;
    /** Why it is not the one that was named. */
    instead?: { of: string; until: string };
  }>;
}
