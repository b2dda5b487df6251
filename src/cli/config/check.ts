import { existsSync, statSync } from 'node:fs';
import { toConductorError } from '../../core/errors.js';
import { createAgents } from '../../runner/agents.js';
import { agentsOf } from '../agents.js';
import { scheduleOf } from '../../sources/schedule.js';
import { expandPath, readSecret, type LoadedConfig } from '../load-config.js';

export interface Problem {
  /** Path in the configuration. */
  field: string;
  message: string;
}

const attempt = (field: string, work: () => unknown): Problem[] => {
  try {
    work();
    return [];
  } catch (error) {
    const { message } = toConductorError(error);
    const named = `${field}: `;
    return [{ field, message: message.startsWith(named) ? message.slice(named.length) : message }];
  }
};

/** What the schema cannot see: files, programs, times of day. Everything that is wrong, not only the first. */
export const findProblems = ({ config, folder }: LoadedConfig, environment: NodeJS.ProcessEnv): Problem[] => {
  const agents = createAgents({ config: agentsOf(config, folder), environment });
  const known = new Set(agents.list().map((agent) => agent.name));
  return [
    ...Object.entries(config.agents).flatMap(([name, agent]) => [
      ...(agent.token_file === undefined
        ? []
        : attempt(`agents.${name}.token_file`, () => readSecret(agent.token_file!, folder))),
      ...[agent.one_of ?? []]
        .flatMap((members) => (Array.isArray(members) ? members : Object.keys(members)))
        .filter((other) => !Object.hasOwn(config.agents, other) && !known.has(other))
        .map((other) => ({ field: `agents.${name}.one_of`, message: `there is no agent "${other}"` })),
      ...agent.fallback
        .filter((other) => !known.has(other))
        .map((other) => ({ field: `agents.${name}.fallback`, message: `there is no agent "${other}"` })),
      ...(known.has(name) ? [] : agent.one_of !== undefined ? [] : attempt(`agents.${name}`, () => agents.find(name))),
      ...(agent.role === undefined || existsSync(expandPath(agent.role, folder))
        ? []
        : [{ field: `agents.${name}.role`, message: `there is no file ${expandPath(agent.role, folder)}` }]),
    ]),
    ...(config.defaults.agent === undefined || known.has(config.defaults.agent)
      ? []
      : [{ field: 'defaults.agent', message: `there is no agent "${config.defaults.agent}"` }]),
    ...Object.entries(config.webhooks).flatMap(([name, webhook]) => {
      const files = [(webhook as { secret_file?: string | string[] }).secret_file ?? []].flat();
      return files.flatMap((file) => attempt(`webhooks.${name}.secret_file`, () => readSecret(file, folder)));
    }),
    ...Object.entries(config.timers).flatMap(([name, timer]) =>
      attempt(`timers.${name}`, () => scheduleOf({ ...timer, name, every_ms: timer.every })),
    ),
    ...Object.entries(config.repositories)
      .map(([name, { path }]) => ({ name, path: expandPath(path, folder) }))
      .filter(({ path }) => !statSync(path, { throwIfNoEntry: false })?.isDirectory())
      .map(({ name, path }) => ({ field: `repositories.${name}`, message: `there is no folder ${path}` })),
  ];
};
