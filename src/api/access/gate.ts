import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { ConductorError, toConductorError } from '../../core/errors.js';
import { guard } from '../guard.js';
import { cookieOf, type Credentials } from './credentials.js';
import type { Caller } from './caller.js';
import type { Limits } from './limits.js';

/** Who is at the door, before anything is routed: of a request and of an upgrade alike. */
export interface Visitor {
  caller?: Caller;
  /** Why the credential that was shown is none. */
  refusal?: ConductorError;
  /** The client's address, through trusted proxies. */
  address: string;
  /** Came over TLS, at the outermost. */
  secure: boolean;
}

export interface Gate {
  /** Throws `forbidden` for a foreign Host, Origin or page. */
  turnAway(request: IncomingMessage, options?: { anyHost?: boolean }): void;
  identify(request: IncomingMessage): Visitor;
  /** Throws `rate_limited` where a client asks too often. */
  slowDown(visitor: Visitor): void;
  /** The error for a visitor who showed no credential, or a wrong one. */
  unknown(visitor: Visitor): ConductorError;
}

/** `10.0.0.0/8`, `192.168.1.1`, `::1`. */
export const addressList = (entries: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const prefix = bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits);
    try {
      list.addSubnet(address, prefix, family);
    } catch (cause) {
      throw new ConductorError('configuration', `"${entry}" is no address and no network, as 10.0.0.0/8`, { cause });
    }
  }
  return list;
};

const isIn = (list: BlockList, address: string): boolean =>
  isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** An IPv4 address as an IPv6 socket tells it, and a socket of the file system, which tells none. */
const plain = (address: string | undefined): string => address?.replace(/^::ffff:/, '') ?? 'local';

const lastOf = (header: string | string[] | undefined): string[] =>
  [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

export const createGate = ({
  credentials,
  limits,
  allowedHosts,
  trustedProxies = [],
}: {
  credentials: Credentials;
  limits: Limits;
  allowedHosts?: readonly string[] | undefined;
  trustedProxies?: readonly string[] | undefined;
}): Gate => {
  const trusted = addressList(trustedProxies);

  /** The first address, from our side on, that is no proxy of ours. */
  const addressOf = (request: IncomingMessage, peer: string): string => {
    const way = [...lastOf(request.headers['x-forwarded-for']), peer];
    return way.findLast((address) => !isIn(trusted, address)) ?? way[0] ?? peer;
  };

  return {
    turnAway(request, { anyHost = false } = {}) {
      const refusal = guard(request.headers, { allowedHosts, anyHost });
      if (refusal) throw refusal;
      // A cookie is sent by the browser itself, whoever makes it ask: what changes something must come from our own page.
      const { headers, method = 'GET' } = request;
      const ownPage = headers.origin !== undefined || headers['sec-fetch-site'] === 'same-origin';
      if (cookieOf(headers) !== undefined && !SAFE.has(method) && !ownPage)
        throw new ConductorError('forbidden', 'a cookie changes something only from our own page');
    },
    identify(request) {
      const peer = plain(request.socket.remoteAddress);
      const viaProxy = trustedProxies.length > 0 && isIn(trusted, peer);
      const visitor: Visitor = {
        address: viaProxy ? addressOf(request, peer) : peer,
        secure: viaProxy && lastOf(request.headers['x-forwarded-proto'])[0] === 'https',
      };
      try {
        const caller = credentials(request.headers);
        return caller ? { ...visitor, caller } : visitor;
      } catch (error) {
        return { ...visitor, refusal: toConductorError(error) };
      }
    },
    slowDown: ({ caller, address }) => limits.take(caller, address),
    unknown: ({ refusal, address }) =>
      refusal ? limits.failed(address, refusal) : new ConductorError('unauthorized', 'a token is needed here'),
  };
};
