import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createCredentials } from '../api/access/credentials.js';
import { createGate } from '../api/access/gate.js';
import { createLimits } from '../api/access/limits.js';
import { createSessions } from '../api/access/sessions.js';
import { createApi } from '../api/app.js';
import { messageDoor } from '../api/message-door.js';
import { webhookDoor } from '../api/webhook-door.js';
import { openAudit } from '../api/audit.js';
import { commandsFor } from '../api/commands.js';
import type { ApiOptions } from '../api/doors.js';
import { createMetrics } from '../api/metrics.js';
import { isLoopback, listen } from '../api/server.js';
import { createHub } from '../broadcast/hub.js';
import type { Event } from '../core/event.js';
import type { Fired } from '../core/ledger-view.js';
import { layout } from '../storage/layout.js';
import { openToken, removeServiceFile, writeServiceFile } from '../storage/service-file.js';
import { createTickets } from '../storage/tickets.js';
import { createExplainer } from './explainer.js';
import type { Local } from './local.js';
import { packageFolder, readVersion } from './package-folder.js';
import { clock, log } from './system.js';

export interface ServiceOptions extends Pick<
  ApiOptions,
  'ledger' | 'lists' | 'rules' | 'handlers' | 'webhooks' | 'sources' | 'isDraining'
> {
  local: Local;
  host: string;
  port: number;
  socketPath?: string | undefined;
}

/** Under which names it may be called: the one it listens on, and for a wildcard every address of this machine. */
const hostsOf = (host: string): string[] =>
  ['0.0.0.0', '::'].includes(host)
    ? Object.values(networkInterfaces()).flatMap((all) =>
        (all ?? []).map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address)),
      )
    : [host];

/** Everything that answers over the wire: opened in one place, closed in the order that loses nothing. */
export const openService = async (options: ServiceOptions) => {
  const { local, ledger, lists, host } = options;
  const { root, bus, config } = local;
  const token = await openToken(root.path);
  const rulesOf = (event: Event): string[] => {
    if (event.type === 'ROUTED') return ((event.data['fired'] ?? []) as Fired[]).map(({ rule }) => rule);
    const { activation = lists.tasks.get(`${event.project_id}/${event.task_id ?? ''}`)?.activation } = event.data;
    return typeof activation === 'string' ? [activation.split('/')[0] ?? ''] : [];
  };
  const hub = createHub({ bus, log, rulesOf });
  const sessions = createSessions(clock);
  const audit = await openAudit(layout(root.path).auditFile, { clock, log });
  const gate = createGate({
    credentials: createCredentials({ token, tickets: createTickets(root.key), sessions, ledger, clock }),
    limits: createLimits(clock, config.service.requests_per_second),
    allowedHosts: [...config.service.allowed_hosts, ...hostsOf(host)],
    trustedProxies: config.service.trusted_proxies,
  });
  const api: ApiOptions = {
    ...options,
    ...local,
    explainer: createExplainer({ bus, rules: options.rules, rootPath: root.path }),
    uiFolder: join(packageFolder, 'dist', 'ui'),
    folder: process.cwd(),
    hub,
    gate,
    sessions,
    audit,
    metrics: createMetrics({ lists, ledger, watchers: () => hub.size }),
    log,
    clock,
    version: readVersion(),
    startedAt: clock.now(),
  };
  const server = await listen({
    app: createApi(api),
    before: [messageDoor(api), webhookDoor(api)],
    hub,
    gate,
    audit,
    commandsFor: commandsFor(api),
    host,
    port: options.port,
    socketPath: options.socketPath,
  }).catch(async (error: unknown) => {
    await audit.close();
    throw error;
  });
  if (options.socketPath === undefined && !isLoopback(host))
    log.warn(`${host} is not this machine alone, and nothing here is encrypted: put TLS in front (see src/deploy)`);
  await writeServiceFile(root.path, {
    url: server.url,
    pid: process.pid,
    token,
    ...(options.socketPath === undefined ? {} : { socket: options.socketPath }),
  });

  return {
    url: server.url,
    broadcast$: hub.start(),
    kill: () => server.kill(),
    async drain(): Promise<void> {
      await server.drain();
      await audit.close();
      await removeServiceFile(root.path);
    },
  };
};
