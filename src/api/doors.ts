import type { IncomingHttpHeaders } from 'node:http';
import type { WebSocket } from 'ws';
import type { Agents, Bus, Clock, Handlers, Ledger, Log, Rules } from '../core/ports.js';
import type { WebhookAnswer } from '../core/webhook.js';

/** What the API asks of rooms it does not import. */
export interface WebhookDoor {
  names(): readonly string[];
  receive(name: string, headers: IncomingHttpHeaders, rawBody: Buffer): Promise<WebhookAnswer>;
}

export interface HubDoor {
  handle(socket: WebSocket, options?: { since?: string | undefined }): void;
  ready(): Promise<void>;
  readonly size: number;
  close(): void;
}

export interface ApiOptions {
  bus: Bus;
  ledger: Ledger;
  rules: Rules;
  handlers: Handlers;
  agents: Agents;
  webhooks: WebhookDoor;
  hub: Pick<HubDoor, 'size'>;
  log: Log;
  clock: Clock;
  /** Names beside loopback's own under which the service may be called, as `conductor.example.org`. */
  allowedHosts?: readonly string[] | undefined;
  version: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}
