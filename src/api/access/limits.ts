import type { RequestRates } from '../../core/config.js';
import { ConductorError } from '../../core/errors.js';
import type { Clock } from '../../core/ports.js';
import type { Caller } from './caller.js';

/** Wrong credentials: ten a minute. */
const FAILED_PER_SECOND = 10 / 60;
const MOST_FAILED = 10;
/** So many seconds' worth may come at once. */
const BURST_SECONDS = 10;
const MOST_CLIENTS = 10_000;

export interface Limits {
  /** Throws `rate_limited`. The root's own token is its owner, and is not limited. */
  take(caller: Caller | undefined, address: string): void;
  /** A wrong credential was shown; the error to answer with. */
  failed(address: string, error: ConductorError): ConductorError;
}

export const createLimits = (clock: Pick<Clock, 'now'>, rates: RequestRates): Limits => {
  const clients = new Map<string, { left: number; at: number }>();

  /** Seconds until there is room, 0 when there was. */
  const take = (kind: keyof RequestRates | 'failed', name: string): number => {
    const per_second = kind === 'failed' ? FAILED_PER_SECOND : rates[kind];
    // A rate of less than one a ten seconds still lets one in.
    const burst = kind === 'failed' ? MOST_FAILED : Math.max(1, per_second * BURST_SECONDS);
    const key = `${kind} ${name}`;
    const now = clock.now();
    const client = clients.get(key) ?? { left: burst, at: now };
    client.left = Math.min(burst, client.left + (Math.max(0, now - client.at) / 1_000) * per_second);
    client.at = now;
    clients.delete(key);
    clients.set(key, client);
    // The one that was quiet the longest is forgotten first: its bucket is full again anyway.
    const [oldest] = clients.keys();
    if (clients.size > MOST_CLIENTS && oldest !== undefined) clients.delete(oldest);
    if (client.left < 1) return Math.ceil((1 - client.left) / per_second);
    client.left -= 1;
    return 0;
  };

  const refusal = (seconds: number): ConductorError =>
    new ConductorError('rate_limited', `too many requests: come back in ${seconds} s`, {
      details: { retry_after: seconds },
    });

  return {
    take(caller, address) {
      if (caller?.name === 'token') return;
      const seconds =
        caller === undefined
          ? take('anyone', address)
          : take(caller.scope === 'run' ? 'run' : 'token', `${caller.name} ${address}`);
      if (seconds > 0) throw refusal(seconds);
    },
    failed(address, error) {
      const seconds = take('failed', address);
      return seconds > 0 ? refusal(seconds) : error;
    },
  };
};
