import type { Agents } from '../core/ports.js';
import type { LoadedConfig } from './load-config.js';

const isThere = (agents: Agents, name: string): boolean => {
  try {
    agents.find(name);
    return true;
  } catch {
    return false;
  }
};

/** What `check-health` is told of the configuration. */
export const healthEnvironment = ({ config, agents }: LoadedConfig & { agents: Agents }): Record<string, string> => {
  const named = [
    ...Object.keys(config.agents),
    ...(config.defaults.agent === undefined ? [] : [config.defaults.agent]),
  ];
  return {
    ALERTS: JSON.stringify(config.alerts),
    HEALTH: JSON.stringify(config.health),
    AGENTS_MISSING: JSON.stringify([...new Set(named)].filter((name) => !isThere(agents, name))),
  };
};
