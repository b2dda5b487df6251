import { ConductorError } from '../../core/errors.js';
import type { Clock } from '../../core/ports.js';
import type { Caller } from './caller.js';

/** Requests a second on the long run, and how many may come at once. */
interface Rate {
  per_second: number;
  burst: number;
}

const RATES: Readonly<Record<'nobody' | 'failed' | 'run' | 'token', Rate>> = {
  nobody: { per_second: 20, burst: 200 },
  /** Wrong credentials: ten a minute. */
  failed: { per_second: 10 / 60, burst: 10 },
  run: { per_second: 50, burst: 500 },
  token: { per_second: 500, burst: 5_000 },
};
const MOST_CLIENTS = 10_000;

export interface Limits {
  /** Throws `rate_limited`. The root's own token is its owner, and is not limited. */
  take(caller: Caller | undefined, address: string): void;
  /** A wrong credential was shown; the error to answer with. */
  failed(address: string, error: ConductorError): ConductorError;
}

export const createLimits = (clock: Pick<Clock, 'now'>): Limits => {
  const clients = new Map<string, { left: number; at: number }>();

  /** Seconds until there is room, 0 when there was. */
  const take = (kind: keyof typeof RATES, name: string): number => {
    const { per_second, burst } = RATES[kind];
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
          ? take('nobody', address)
          : take(caller.scope === 'run' ? 'run' : 'token', `${caller.name} ${address}`);
      if (seconds > 0) throw refusal(seconds);
    },
    failed(address, error) {
      const seconds = take('failed', address);
      return seconds > 0 ? refusal(seconds) : error;
    },
  };
};
