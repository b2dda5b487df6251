import { afterRun, coolsUntil, type Condition } from '../core/cooling.js';
import type { Event } from '../core/event.js';
import type { AgentDescription, Agents, Bus, Chooser, Clock, Random } from '../core/ports.js';
import type { RunEnd } from '../core/run.js';

/** So far back it is looked the first time. */
const TAIL = 400;
/** A choice of ours that was not heard of again for so long came to nothing. */
const FORGOTTEN_MS = 10_000;

export interface ChooserPorts {
  bus: Bus;
  agents: Agents;
  clock: Pick<Clock, 'now'>;
  random: Random;
}

/** What all processes of the root did lately, off the bus. */
const openHistory = ({ bus, clock }: ChooserPorts) => {
  const conditions = new Map<string, Condition>();
  const agentOf = new Map<string, string>();
  /** By pool: whose turn it was last. */
  const turns = new Map<string, string>();
  let mine: { pool: string; agent: string; at: number }[] = [];
  let since_id: string | undefined;

  const hear = ({ type, ts, data }: Event): void => {
    const run_id = String(data['run_id']);
    if (type === 'RUN_START') {
      const { agent, pool } = data;
      if (typeof agent !== 'string') return;
      agentOf.set(run_id, agent);
      if (typeof pool !== 'string') return;
      turns.set(pool, agent);
      const index = mine.findIndex((one) => one.pool === pool && one.agent === agent);
      if (index >= 0) mine.splice(index, 1);
      return;
    }
    const agent = agentOf.get(run_id);
    agentOf.delete(run_id);
    if (agent === undefined) return;
    const condition = afterRun(conditions.get(agent), data as unknown as RunEnd, Date.parse(ts));
    if (condition === undefined) conditions.delete(agent);
    else conditions.set(agent, condition);
  };

  const readOn = async (): Promise<void> => {
    const types = ['RUN_START', 'RUN_STOP'];
    for await (const event of bus.read(since_id === undefined ? { types, tail: TAIL } : { types, since_id })) {
      since_id = event.msg_id;
      if (event.authentic) hear(event);
    }
    since_id ??= '';
  };

  let reading = Promise.resolve();
  return {
    readOn: (): Promise<void> => (reading = reading.then(readOn, readOn)),
    coolsUntil: (agent: string) => coolsUntil(conditions.get(agent), clock.now()),
    lastTurn(pool: string): string | undefined {
      mine = mine.filter(({ at }) => at > clock.now() - FORGOTTEN_MS);
      return mine.findLast((one) => one.pool === pool)?.agent ?? turns.get(pool);
    },
    took: (pool: string, agent: string): void => void mine.push({ pool, agent, at: clock.now() }),
  };
};

/** Chooses of pools in turn or by weight, and leaves out who keeps failing while there is another. */
export const createChooser = (ports: ChooserPorts): Chooser => {
  const history = openHistory(ports);

  const describe = (name: string): AgentDescription | undefined => {
    try {
      return ports.agents.find(name);
    } catch {
      return undefined;
    }
  };
  const isHere = (name: string): boolean => describe(name) !== undefined;
  /** Those that are well; if none is, the one that will be first. */
  const well = (names: readonly string[]): readonly string[] => {
    const until = (name: string): number => history.coolsUntil(name) ?? 0;
    const good = names.filter((name) => until(name) === 0);
    return good.length > 0 ? good : [...names].sort((a, b) => until(a) - until(b)).slice(0, 1);
  };

  const inTurn = (pool: string, members: readonly string[], able: readonly string[]): string | undefined => {
    const last = members.indexOf(history.lastTurn(pool) ?? '');
    return [...members.slice(last + 1), ...members.slice(0, last + 1)].find((name) => able.includes(name));
  };
  const byWeight = (members: readonly string[], weights: readonly number[], able: readonly string[]) => {
    const weightOf = (name: string): number => weights[members.indexOf(name)] ?? 0;
    let draw = ports.random() * able.reduce((sum, name) => sum + weightOf(name), 0);
    return able.find((name) => (draw -= weightOf(name)) < 0) ?? able.at(-1);
  };

  const ofPool = (pool: string, { members, weights }: NonNullable<AgentDescription['pool']>) => {
    const able = well(members.filter(isHere));
    const agent = weights === undefined ? inTurn(pool, members, able) : byWeight(members, weights, able);
    if (agent === undefined) return { agent: pool };
    history.took(pool, agent);
    return { agent, pool };
  };

  return {
    async choose(name) {
      const described = describe(name);
      const fallback = described?.fallback ?? [];
      if (described?.pool === undefined && fallback.length === 0) return { agent: name };
      await history.readOn();
      if (described?.pool) return ofPool(name, described.pool);
      const until = history.coolsUntil(name);
      const other = fallback.find((one) => isHere(one) && history.coolsUntil(one) === undefined);
      if (until === undefined || other === undefined) return { agent: name };
      return { agent: other, instead: { of: name, until: new Date(until).toISOString() } };
    },
  };
};
