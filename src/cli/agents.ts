import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentSettings, Config } from '../core/config.js';
import type { AgentConfig } from '../runner/agents/backend.js';
import { BACKENDS } from '../runner/agents.js';
import { readToken } from '../runner/environment.js';
import { packageFolder } from './package-folder.js';
import { expandPath, readSecret, type LoadedConfig } from './load-config.js';

const agentOf = (agent: AgentSettings, folder: string): AgentConfig => ({
  backend: agent.backend,
  one_of: agent.one_of,
  command: agent.command,
  speaks: agent.speaks,
  model: agent.model,
  role: agent.role === undefined ? undefined : expandPath(agent.role, folder),
  tools: agent.tools,
  env: agent.env,
  token_file: agent.token_file === undefined ? undefined : expandPath(agent.token_file, folder),
  base_url: agent.base_url,
  ...(agent.fallback.length === 0 ? {} : { fallback: agent.fallback }),
  timeout_ms: agent.timeout,
  sandbox: agent.sandbox,
  price: agent.price,
  limits: {
    ...(agent.idle === undefined ? {} : { idle_ms: agent.idle }),
    ...(agent.max_turns === undefined ? {} : { turns: agent.max_turns }),
    ...(agent.max_usd === undefined ? {} : { usd: agent.max_usd }),
    ...(agent.max_tokens === undefined ? {} : { tokens: agent.max_tokens }),
    ...(agent.max_output === undefined ? {} : { output_bytes: agent.max_output }),
  },
});

/** The roles that are there as prompt files: shipped ones, and those in handlers/prompts beside the configuration. */
const rolesOf = (folder: string): Record<string, AgentConfig> =>
  Object.fromEntries(
    [join(packageFolder, 'handlers', 'prompts'), join(folder, 'handlers', 'prompts')].flatMap((prompts) =>
      (existsSync(prompts) ? readdirSync(prompts) : [])
        .filter((file) => file.endsWith('.md'))
        .map((file) => [file.slice(0, -'.md'.length), { role: join(prompts, file) }]),
    ),
  );

/** The agents of the configuration, as the runner takes them, and the roles. */
export const agentsOf = (config: Config, folder: string): Record<string, AgentConfig> => {
  const roles = rolesOf(folder);
  const named = Object.entries(config.agents).map(([name, settings]): [string, AgentConfig] => {
    const agent = agentOf(settings, folder);
    return [
      name,
      agent.role === undefined && agent.backend !== 'shell' && agent.one_of === undefined
        ? { ...agent, role: roles[name]?.role }
        : agent,
    ];
  });
  return { ...roles, ...Object.fromEntries(named) };
};

const orNothing = (read: () => string): string => {
  try {
    return read();
  } catch {
    // Whoever needs it says what is wrong with it.
    return '';
  }
};

const pathOf = (url: string): string => {
  if (!URL.canParse(url)) return url;
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
};

/** The values that must not leave us: keys of agents, from files and the environment, and secrets of webhooks. */
export const secretsOf = ({ config, folder }: LoadedConfig, environment: NodeJS.ProcessEnv): string[] => [
  ...Object.values(BACKENDS).flatMap(({ keys }) => keys.map((key) => environment[key] ?? '')),
  ...Object.values(agentsOf(config, folder)).flatMap(({ token_file }) =>
    token_file === undefined ? [] : [orNothing(() => readToken(token_file))],
  ),
  ...Object.values(config.webhooks).flatMap(({ secret_file }) =>
    secret_file.map((file) => orNothing(() => readSecret(file, folder))),
  ),
  ...Object.values(config.actions).flatMap(({ url, url_file, slack, slack_file, headers }) => [
    // Of a URL what follows the host is the secret; where it stands in the file as a plain one, its query.
    url === undefined ? '' : new URL(url).search,
    slack === undefined ? '' : pathOf(slack),
    ...[url_file, slack_file].map((file) =>
      file === undefined ? '' : pathOf(orNothing(() => readSecret(file, folder))),
    ),
    ...Object.values(headers),
  ]),
];
