import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type {
  Agents,
  Bus,
  Clock,
  Handlers,
  Ids,
  Ledger,
  Log,
  Receipt,
  Rules,
  Runner,
  Runs,
  Source,
} from '../core/ports.js';
import type { WebhookAnswer } from '../core/webhook.js';
import type { Rule } from '../core/rule.js';
import type { Caller } from './access/caller.js';
import type { Gate } from './access/gate.js';
import type { Sessions } from './access/sessions.js';
import type { Audit } from './audit.js';
import type { Lists } from './lists/lists.js';
import type { Metrics } from './metrics.js';

/** What the API asks of rooms it does not import. */
export interface WebhookDoor {
  names(): readonly string[];
  receive(name: string, headers: IncomingHttpHeaders, rawBody: Buffer): Promise<WebhookAnswer>;
}

/** Why rules answered as they did, and what others would. */
export interface ExplainerDoor {
  /** Throws `not_found`. */
  explain(msg_id: string): Promise<{ verdicts: Record<string, unknown>[] }>;
  /** Decides the recorded bus anew, from the message on where one is named. */
  simulate(
    rules: readonly Rule[],
    since: string | undefined,
  ): Promise<{
    events: number;
    first?: string;
    last?: string;
    differences: object[];
    rules: Record<string, { fired: number; would: number; differ: number }>;
    unknown: { assumed: number; caused: number; undecided: number };
  }>;
}

/** What a listener wants to hear; a message is told when one of its filters takes it. */
export interface Filter {
  /** A glob, as `TEST_*`. */
  type?: string | undefined;
  project_id?: string | undefined;
  task_id?: string | undefined;
  run_id?: string | undefined;
  /** The rule whose activation the message belongs to. */
  rule?: string | undefined;
}

interface Watch {
  /** First everything after this message, then what happens, each once. */
  since?: string | undefined;
  filters?: readonly Filter[] | undefined;
}

/** What a watcher asks for over its socket, beside listening. */
export interface Commands {
  post(message: unknown): Promise<Receipt>;
  cancel(run_id: string): Promise<void>;
}

export interface HubDoor {
  /** `connection` is what the socket runs over: a burst goes out in one write. */
  handle(socket: WebSocket, options: Watch & { connection: Duplex; commands?: Commands | undefined }): void;
  stream(response: ServerResponse, options?: Watch): void;
  ready(): Promise<void>;
  readonly size: number;
  close(): Promise<void>;
}

export interface ApiOptions {
  bus: Bus;
  ledger: Ledger;
  rules: Rules;
  explainer: ExplainerDoor;
  handlers: Handlers;
  agents: Agents;
  runs: Runs;
  runner: Pick<Runner, 'stop'>;
  ids: Ids;
  sources: () => readonly Pick<Source, 'name' | 'description'>[];
  webhooks: WebhookDoor;
  hub: Pick<HubDoor, 'size' | 'stream' | 'ready'>;
  lists: Lists;
  gate: Gate;
  sessions: Sessions;
  audit: Audit;
  metrics: Metrics;
  log: Log;
  clock: Clock;
  /** Nothing new starts any more. */
  isDraining: () => boolean;
  /** Where the files of the page are. */
  uiFolder: string;
  /** Where the service was started: runs work there unless told otherwise. */
  folder: string;
  version: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

export type { Caller };
