import { concatMap, defer, from, of } from 'rxjs';
import type { Config } from '../core/config.js';
import { ConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Bus, Clock, Runner } from '../core/ports.js';
import { failedEnd } from '../pipeline/run-attempts.js';
import { userName } from './user-name.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

type Ports = { bus: Bus; clock: Pick<Clock, 'now'>; config: Config };

/** How many fit and are younger than `since`; read from the newest on, and no further than is needed. */
const countSince = async (
  bus: Bus,
  types: readonly string[],
  since: number,
  enough: number,
  fits: (event: Event) => boolean,
): Promise<number> => {
  for (let tail = 2 * enough + 16; ; tail *= 4) {
    let seen = 0;
    let found = 0;
    let oldest = Number.POSITIVE_INFINITY;
    for await (const event of bus.read({ types, tail })) {
      const at = Date.parse(event.ts);
      seen++;
      oldest = Math.min(oldest, at);
      if (at >= since && event.authentic && fits(event)) found++;
    }
    if (found >= enough || seen < tail || oldest < since) return found;
  }
};

/** Who asks, as the machine knows them. Inside of a run nobody does: what a run starts is bounded by its chain. */
export const userOf = (environment: NodeJS.ProcessEnv): string | undefined =>
  environment['RUN_ID'] ? undefined : userName();

/** Throws `rate_limited` when the user has asked for as much as rate_limits.per_user allows. */
export const checkUser = async ({ bus, clock, config }: Ports, user: string | undefined): Promise<void> => {
  const { requests_per_hour, max_concurrent } = config.rate_limits.per_user;
  if (user === undefined) return;
  if (requests_per_hour !== undefined) {
    const since = clock.now() - HOUR_MS;
    const asked = await countSince(
      bus,
      ['TASK_REQUESTED', 'RUN_START'],
      since,
      requests_per_hour,
      (event) => event.actor === user,
    );
    if (asked >= requests_per_hour)
      throw new ConductorError(
        'rate_limited',
        `${user} asked for ${asked} runs within an hour; the limit is ${requests_per_hour}`,
      );
  }
  if (max_concurrent !== undefined) {
    const living = new Set<string>();
    for await (const event of bus.read({ types: ['RUN_START', 'RUN_STOP'] })) {
      if (event.actor !== user || event.run_id === undefined) continue;
      if (event.type === 'RUN_START') living.add(event.run_id);
      else living.delete(event.run_id);
    }
    if (living.size >= max_concurrent)
      throw new ConductorError(
        'rate_limited',
        `${living.size} runs of ${user} are at work; the limit is ${max_concurrent}`,
      );
  }
};

/** Refuses what goes over rate_limits.per_agent. The start that is asked about is on the bus already. */
export const limitAgents = (runner: Runner, { bus, clock, config }: Ports): Runner => {
  const limit = config.rate_limits.per_agent.requests_per_day;
  if (limit === undefined) return runner;
  return {
    ...runner,
    attempt: (spec) =>
      defer(() =>
        from(
          countSince(
            bus,
            ['RUN_START'],
            clock.now() - DAY_MS,
            limit + 1,
            (event) => event.data['agent'] === spec.agent,
          ),
        ),
      ).pipe(
        concatMap((count) =>
          count <= limit
            ? runner.attempt(spec)
            : of(failedEnd(spec.run_id, 2, `${spec.agent} has used its ${limit} runs a day`, 'rate_limited')),
        ),
      ),
  };
};
