import type { IncomingHttpHeaders } from 'node:http';
import { ConductorError } from '../core/errors.js';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Of the host that was named last, which is mostly the one that is named next. */
let named = { host: '', name: '' };

const nameOf = (host: string): string => {
  if (named.host !== host) named = { host, name: host.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '') };
  return named.name;
};

/**
 * Who may talk to us from a browser. A page of another site can make the browser call loopback: `Origin` and
 * `Sec-Fetch-Site` give it away. A page that points its own name at 127.0.0.1 is given away by `Host`.
 */
export const guard = (
  headers: IncomingHttpHeaders,
  { allowedHosts = [], anyHost = false }: { allowedHosts?: readonly string[] | undefined; anyHost?: boolean } = {},
): ConductorError | undefined => {
  const host = headers.host ?? '';
  const name = anyHost ? '' : nameOf(host);
  if (!anyHost && !LOOPBACK.includes(name) && !allowedHosts.some((allowed) => allowed.toLowerCase() === name))
    return new ConductorError(
      'forbidden',
      'the Host header names no host of this service; service.allowed_hosts of config.yaml lists those it has',
    );

  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site')
    return new ConductorError('forbidden', 'called from a page of another site');

  const { origin } = headers;
  if (
    origin !== undefined &&
    !['http', 'https'].some((scheme) => origin.toLowerCase() === `${scheme}://${host.toLowerCase()}`)
  ) {
    return new ConductorError('forbidden', 'called from a page of another origin');
  }
  return undefined;
};

/** Health tells nothing that matters, and those who ask it (balancers, containers) use names of their own. */
export const isForAnyHost = (path: string): boolean => ['/api/v1/health', '/health', '/healthz'].includes(path);
