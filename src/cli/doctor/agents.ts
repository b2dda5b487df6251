import { execa } from 'execa';
import { createAgents, type RunnableAgent } from '../../runner/agents.js';
import { agentsOf } from '../agents.js';
import type { LoadedConfig } from '../load-config.js';
import { checkCredential, createAsk } from './credentials.js';
import { finding, type Finding } from './finding.js';

const LIMIT_MS = 10_000;

/** A version costs nothing: no agent is asked to work. */
const versionOf = async (program: string): Promise<string | undefined> => {
  const { exitCode, stdout } = await execa(program, ['--version'], {
    reject: false,
    timeout: LIMIT_MS,
    stdin: 'ignore',
  });
  return exitCode === 0 ? stdout.trim().split('\n')[0]?.slice(0, 80) : undefined;
};

/** Roles that are there as prompts alone, and that one agent plays all. */
const rolesOf = (agents: readonly RunnableAgent[], { config }: LoadedConfig): RunnableAgent[] =>
  agents.filter(({ name, config: own }) => own.role !== undefined && !Object.hasOwn(config.agents, name));

const checkRoles = (roles: readonly RunnableAgent[]): Finding[] => {
  const [first] = roles;
  if (!first) return [];
  const names = roles.map(({ name }) => name).join(', ');
  return [finding('roles', 'ok', `played by ${first.argv[0] ?? first.backend}: ${names}`)];
};

export const checkAgents = async (loaded: LoadedConfig, offline: boolean): Promise<Finding[]> => {
  const { agent: defaultAgent } = loaded.config.defaults;
  const all = createAgents({
    config: agentsOf(loaded.config, loaded.folder),
    environment: process.env,
    ...(defaultAgent === undefined ? {} : { defaultAgent }),
  }).list();
  const roles = rolesOf(all, loaded);
  const agents = all.filter((agent) => !roles.includes(agent));
  const versions = new Map<string, ReturnType<typeof versionOf>>();
  const versionOnce = (program: string): ReturnType<typeof versionOf> => {
    const asked = versions.get(program) ?? versionOf(program);
    versions.set(program, asked);
    return asked;
  };
  const asking = offline ? undefined : createAsk(loaded);
  const found = await Promise.all(
    agents.map(async (agent): Promise<Finding[]> => {
      const check = `agent ${agent.name}`;
      if (agent.pool) return [finding(check, 'ok', `one of ${agent.pool.members.join(', ')}`)];
      if (agent.backend === 'shell') return [finding(check, 'ok', '/bin/sh')];
      const wanted = agent.argv[0];
      if (wanted !== undefined && agent.program === undefined) {
        const configured = Object.hasOwn(loaded.config.agents, agent.name);
        return [finding(check, configured ? 'fail' : 'warn', `${wanted} is not on PATH`, `install ${wanted}`)];
      }
      const version = agent.program === undefined ? agent.backend : await versionOnce(agent.program);
      const credential = await checkCredential(agent, loaded, asking);
      return [
        version === undefined
          ? finding(check, 'warn', `${agent.program} does not say its version`, `run ${agent.program} --version`)
          : finding(check, 'ok', [version, agent.program].filter(Boolean).join(', ')),
        ...(credential ? [credential] : []),
      ];
    }),
  );
  const works = agents.some(
    (agent) => agent.backend !== 'shell' && (agent.program !== undefined || agent.argv.length === 0),
  );
  return [
    ...found.flat(),
    ...checkRoles(roles),
    ...(works ? [] : [finding('agents', 'warn', 'none but the shell', 'install claude, codex or gemini')]),
  ];
};
