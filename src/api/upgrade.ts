import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { ConductorError, toConductorError } from '../core/errors.js';
import { mayUse } from './access/caller.js';
import type { Gate, Visitor } from './access/gate.js';
import type { Audit } from './audit.js';
import type { Commands, Filter, HubDoor } from './doors.js';
import { checked } from './checked.js';
import { errorBody } from './errors.js';
import { watchQuery } from './routes/shapes.js';

export interface UpgradeOptions {
  hub: HubDoor;
  gate: Gate;
  audit: Pick<Audit, 'write'>;
  /** What the visitor may ask for over the socket. */
  commandsFor: (visitor: Visitor) => Commands;
}

const SOCKET_PATHS = new Set(['/ws', '/api/v1/ws']);
/** A watcher's commands are short; a message that it posts is bounded like this, too. */
const MOST_FROM_WATCHER = 1024 * 1024;

const urlOf = (request: IncomingMessage): URL => {
  try {
    return new URL(request.url ?? '/', 'http://localhost');
  } catch (cause) {
    throw new ConductorError('bad_request', 'the address is none', { cause });
  }
};

export const refuse = (socket: Duplex, error: ConductorError, status = error.status): void => {
  const text = JSON.stringify(errorBody(error));
  const more = status === 503 ? 'Retry-After: 5\r\n' : '';
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\nContent-Type: application/json; charset=utf-8\r\n${more}` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
};

/** `?type=TEST_*&project_id=acme&since=MSG-…`: one filter, made of what is there, and where to begin. */
const watchOf = (query: URLSearchParams): { filters: Filter[]; since: string | undefined } => {
  const { since, ...filter } = checked(watchQuery, Object.fromEntries(query));
  return { since, filters: Object.keys(filter).length === 0 ? [] : [filter] };
};

/** Turns requests for a WebSocket into watchers of the hub: the same door as every other request, then the handshake. */
export const createUpgrade = ({ hub, gate, audit, commandsFor }: UpgradeOptions) => {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MOST_FROM_WATCHER });

  const admit = (request: IncomingMessage): Visitor => {
    gate.turnAway(request);
    const visitor = gate.identify(request);
    gate.slowDown(visitor);
    if (visitor.caller === undefined) throw gate.unknown(visitor);
    if (!mayUse(visitor.caller, ['read', 'run']))
      throw new ConductorError('forbidden', 'this takes the scope read or run');
    return visitor;
  };

  return {
    clients: sockets.clients,
    upgrade: async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
      try {
        const visitor = admit(request);
        const url = urlOf(request);
        if (!SOCKET_PATHS.has(url.pathname))
          throw new ConductorError('not_found', `there is no socket at ${url.pathname}`);
        const watch = watchOf(url.searchParams);
        // What is said after the handshake is never missed.
        await hub.ready();
        if (socket.destroyed || socket.writableEnded) return;
        sockets.handleUpgrade(request, socket, head, (watcher) =>
          hub.handle(watcher, {
            connection: socket,
            ...watch,
            commands: commandsFor(visitor),
          }),
        );
      } catch (error) {
        const problem = toConductorError(error);
        refuse(socket, problem);
        audit.write({
          request_id: 'upgrade',
          caller: 'anyone',
          address: request.socket.remoteAddress ?? 'local',
          method: 'UPGRADE',
          path: (request.url ?? '').split('?')[0]?.slice(0, 500) ?? '',
          status: problem.status,
          code: problem.code,
        });
      }
    },
  };
};
