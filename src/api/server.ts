import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type Koa from 'koa';
import { WebSocketServer } from 'ws';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { HubDoor } from './doors.js';
import { errorBody } from './errors.js';
import { guard } from './guard.js';

export interface Listening {
  url: string;
  port: number;
  /** Takes nothing new, finishes what it has, says goodbye to the watchers. */
  drain(): Promise<void>;
  /** Breaks every connection. */
  kill(): void;
}

export interface ListenOptions {
  app: Koa;
  hub: HubDoor;
  host?: string;
  /** 0: any that is free. */
  port: number;
  allowedHosts?: readonly string[] | undefined;
}

const SOCKET_PATHS = new Set(['/ws', '/api/v1/ws']);
/** Watchers only listen. */
const MOST_FROM_WATCHER = 64 * 1024;

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

const urlOf = (request: IncomingMessage): URL => {
  try {
    return new URL(request.url ?? '/', 'http://localhost');
  } catch (cause) {
    throw new ConductorError('bad_request', 'the address is none', { cause });
  }
};

const refuse = (socket: Duplex, error: ConductorError): void => {
  const text = JSON.stringify(errorBody(error));
  socket.end(
    `HTTP/1.1 ${error.status} Refused\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
};

const cannotListen = (error: NodeJS.ErrnoException, host: string, port: number): ConductorError =>
  error.code === 'EADDRINUSE'
    ? new ConductorError(
        'port_in_use',
        `${host}:${port} is taken by another program; choose another port with --port`,
        { cause: error },
      )
    : new ConductorError('configuration', `cannot listen on ${host}:${port}: ${error.message}`, { cause: error });

export const listen = async ({
  app,
  hub,
  host = '127.0.0.1',
  port,
  allowedHosts,
}: ListenOptions): Promise<Listening> => {
  // Callers are not told apart by a token yet, so nobody but this machine may call.
  if (!isLoopback(host))
    throw new ConductorError(
      'configuration',
      `"${host}" is not this machine alone: only loopback (127.0.0.1) is served`,
    );

  const answer = app.callback();
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    void answer(request, response);
  });
  /** Asked for a socket and do not have it yet. */
  const pending = new Set<Duplex>();
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MOST_FROM_WATCHER });

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const refusal = guard(request.headers, { allowedHosts });
    if (refusal) throw refusal;
    const url = urlOf(request);
    if (!SOCKET_PATHS.has(url.pathname)) throw new ConductorError('not_found', `there is no socket at ${url.pathname}`);
    // What is said after the handshake is never missed.
    await hub.ready();
    if (socket.destroyed || socket.writableEnded) return;
    sockets.handleUpgrade(request, socket, head, (watcher) =>
      hub.handle(watcher, { since: url.searchParams.get('since') ?? undefined }),
    );
  };
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => undefined);
    pending.add(socket);
    void upgrade(request, socket, head)
      .catch((error: unknown) => refuse(socket, toConductorError(error)))
      .finally(() => pending.delete(socket));
  });

  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(cannotListen(error, host, port));
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve();
    });
  });

  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    drain: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        hub.close();
        for (const socket of pending) refuse(socket, new ConductorError('unavailable', 'the conductor is stopping'));
      }),
    kill() {
      server.close();
      server.closeAllConnections();
      for (const socket of pending) socket.destroy();
      for (const watcher of sockets.clients) watcher.terminate();
    },
  };
};
