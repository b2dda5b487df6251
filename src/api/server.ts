import { rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type Koa from 'koa';
import { ConductorError } from '../core/errors.js';
import type { HubDoor } from './doors.js';
import { ownerOfPort } from './port-owner.js';
import { createUpgrade, refuse, type UpgradeOptions } from './upgrade.js';

export interface Listening {
  url: string;
  port: number;
  /** Takes nothing new, finishes what it has, says goodbye to the watchers. */
  drain(): Promise<void>;
  /** Breaks every connection. */
  kill(): void;
}

export interface ListenOptions extends UpgradeOptions {
  app: Koa;
  /** Are asked before the app; true: it answers by itself. */
  before?: readonly ((request: IncomingMessage, response: ServerResponse) => boolean)[];
  hub: HubDoor;
  host?: string;
  /** 0: any that is free. */
  port: number;
  /** A socket of the file system, in place of host and port. */
  socketPath?: string | undefined;
}

const MOST_CONNECTIONS = 4_096;
const LONGEST_GOODBYE_MS = 3_000;
const MOST_HEADER = 16 * 1024;

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

const takenBy = (port: number): string => {
  const pid = ownerOfPort(port);
  return pid === undefined ? 'another program' : `process ${pid}`;
};

const cannotListen = (error: NodeJS.ErrnoException, { host, port, socketPath }: ListenOptions): ConductorError => {
  const where = socketPath ?? `${host}:${port}`;
  if (error.code !== 'EADDRINUSE')
    return new ConductorError('configuration', `cannot listen on ${where}: ${error.message}`, { cause: error });
  const who = socketPath === undefined ? takenBy(port) : 'another program';
  const pid = socketPath === undefined ? ownerOfPort(port) : undefined;
  return new ConductorError('port_in_use', `${where} is taken by ${who}; choose another with --port`, {
    cause: error,
    ...(pid === undefined ? {} : { details: { pid } }),
  });
};

/** A socket file whose service was killed is in the way of the next one; one that answers is not ours to take. */
const removeDead = async (path: string): Promise<void> => {
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
  if (!isAlive) rmSync(path, { force: true });
};

/** What came is no request: an answer in the one form all the same. */
const answerNoRequest = ({ code, message }: NodeJS.ErrnoException, socket: Duplex): void => {
  if (!socket.writable || code === 'ECONNRESET') socket.destroy();
  else if (code === 'HPE_HEADER_OVERFLOW')
    refuse(socket, new ConductorError('too_large', `the headers are over ${MOST_HEADER / 1024} KiB`), 431);
  else if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    refuse(socket, new ConductorError('bad_request', 'the request took too long to come'), 408);
  else refuse(socket, new ConductorError('bad_request', `this is no HTTP request: ${message}`));
};

export const listen = async (options: ListenOptions): Promise<Listening> => {
  const { app, before = [], hub, host = '127.0.0.1', port, socketPath } = options;
  const answer = app.callback();
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000, maxHeaderSize: MOST_HEADER, connectionsCheckingInterval: 5_000 },
    (request, response) => {
      if (!before.some((door) => door(request, response))) void answer(request, response);
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.maxHeadersCount = 64;
  const { upgrade, clients } = createUpgrade(options);
  /** Asked for a socket and do not have it yet. */
  const pending = new Set<Duplex>();
  let draining = false;

  server.on('clientError', answerNoRequest);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => undefined);
    if (draining) {
      refuse(socket, new ConductorError('unavailable', 'the conductor is stopping'));
      return;
    }
    pending.add(socket);
    void upgrade(request, socket, head).finally(() => pending.delete(socket));
  });

  if (socketPath !== undefined) await removeDead(socketPath);
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(cannotListen(error, { ...options, host }));
    const listening = (): void => {
      server.off('error', failed);
      resolve();
    };
    server.once('error', failed);
    if (socketPath === undefined) server.listen(port, host, listening);
    // The folder's rights are the rights of the socket; the token is asked for all the same.
    else server.listen({ path: socketPath, readableAll: false, writableAll: false }, listening);
  });

  const bound = socketPath === undefined ? (server.address() as AddressInfo).port : 0;
  return {
    url: socketPath === undefined ? `http://${host.includes(':') ? `[${host}]` : host}:${bound}` : 'http://localhost',
    port: bound,
    drain: () =>
      new Promise((resolve) => {
        draining = true;
        // Streams that go on for ever are cut in the end: their clients come back to where they were.
        const cut = setTimeout(() => server.closeAllConnections(), LONGEST_GOODBYE_MS);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        void hub.close().finally(() => server.closeIdleConnections());
        for (const socket of pending) refuse(socket, new ConductorError('unavailable', 'the conductor is stopping'));
      }),
    kill() {
      server.close();
      server.closeAllConnections();
      for (const socket of pending) socket.destroy();
      for (const watcher of clients) watcher.terminate();
    },
  };
};
