import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { ConductorError } from '../core/errors.js';
import type { AgentDescription, Agents } from '../core/ports.js';
import type { AgentConfig, Backend } from './agents/backend.js';
import { claude } from './agents/claude.js';
import { codex } from './agents/codex.js';
import { command } from './agents/command.js';
import { gemini } from './agents/gemini.js';
import { perplexity, xai } from './agents/rest.js';
import { shell } from './agents/shell.js';

/** What the runner needs beyond the description. */
export interface RunnableAgent extends AgentDescription {
  kind: Backend;
  config: AgentConfig;
  /** The program's absolute path and the arguments that always come first. */
  argv: readonly string[];
}

export interface RunnableAgents extends Agents {
  find(name: string): RunnableAgent;
  list(): readonly RunnableAgent[];
  choose(names?: readonly string[]): RunnableAgent;
}

export const BACKENDS: Readonly<Record<string, Backend>> = { claude, codex, gemini, perplexity, xai, shell, command };
/** In the order in which we look for one when nobody said which. */
const CLIS = ['claude', 'codex', 'gemini'];
const SERVICES = ['perplexity', 'xai'];

const runs = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/** The absolute path of a program, as a shell would find it. */
export const findProgram = (program: string, path: string | undefined): string | undefined => {
  if (program.includes('/')) return runs(resolve(program)) ? resolve(program) : undefined;
  return (path ?? '')
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, program))
    .find(runs);
};

export interface AgentsOptions {
  config: Readonly<Record<string, AgentConfig>>;
  defaultAgent?: string | undefined;
  environment: NodeJS.ProcessEnv;
  /** The words that start our program for services over HTTP. */
  restProgram?: readonly string[];
}

/** @throws ConductorError `configuration` for a backend that never asks. */
const whoMayAsk = <Agent extends Pick<RunnableAgent, 'name' | 'kind' | 'config'>>(agent: Agent): Agent => {
  if (agent.config.tools === 'ask' && agent.kind.asks !== true)
    throw new ConductorError(
      'configuration',
      `the agent "${agent.name}" cannot ask before it uses a tool (tools: ask), only claude can`,
    );
  return agent;
};

export const createAgents = ({
  config,
  defaultAgent,
  environment,
  restProgram = [],
}: AgentsOptions): RunnableAgents => {
  const names = [...new Set([...Object.keys(config), ...CLIS, ...SERVICES, 'shell'])];

  const describe = (name: string): RunnableAgent => {
    if (!names.includes(name)) {
      throw new ConductorError('unknown_agent', `there is no agent "${name}"; known are ${names.join(', ')}`, {
        details: { known: names },
      });
    }
    const own = config[name] ?? {};
    if (own.one_of !== undefined) return ofPool(name, own.one_of, own.timeout_ms);
    if (isRole(name)) return ofStandard(name, own);
    const backend = own.backend ?? (name in BACKENDS ? name : own.command ? 'command' : undefined);
    const kind = backend === undefined ? undefined : BACKENDS[backend];
    if (!kind || backend === undefined) {
      const known = Object.keys(BACKENDS).join(', ');
      const what =
        backend === undefined ? 'has neither a backend nor a command' : `has the unknown backend "${backend}"`;
      throw new ConductorError('configuration', `the agent "${name}" ${what}; backends are ${known}`);
    }
    if (kind === shell && own.role !== undefined)
      throw new ConductorError(
        'configuration',
        `the agent "${name}" runs scripts and can have no role: give it a backend`,
      );
    const base = whoMayAsk({
      name,
      backend,
      kind: own.speaks === undefined ? kind : { ...kind, family: own.speaks },
      config: own,
      ...(own.timeout_ms === undefined ? {} : { timeout_ms: own.timeout_ms }),
      ...(own.fallback === undefined ? {} : { fallback: own.fallback }),
      ...(kind.resumes ? { resumes: true } : {}),
    });
    if (kind.rest) return { ...base, argv: restProgram };
    const [wanted, ...first] = own.command ?? (kind.program === undefined ? [] : [kind.program]);
    if (wanted === undefined) {
      if (kind === command) throw new ConductorError('configuration', `the agent "${name}" has no command`);
      return { ...base, argv: [] };
    }
    const program = findProgram(wanted, environment['PATH']);
    return { ...base, argv: [program ?? wanted, ...first], ...(program ? { program } : {}) };
  };

  /** A role without a backend is played by the standard agent; never by a shell, which would run it. */
  const isRole = (name: string): boolean => {
    const own = config[name];
    return own?.role !== undefined && own.backend === undefined && own.command === undefined && !(name in BACKENDS);
  };
  const ofStandard = (name: string, own: AgentConfig): RunnableAgent => {
    const standard =
      defaultAgent !== undefined && !isRole(defaultAgent)
        ? find(defaultAgent)
        : CLIS.map(usable).find((agent) => agent !== undefined);
    if (!standard || standard.kind === shell)
      throw new ConductorError(
        'configuration',
        `no agent was found to be ${name}: install claude, codex or gemini, or give it a backend in config.yaml (agents:)`,
      );
    const set = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
    return whoMayAsk({ ...standard, name, config: { ...standard.config, ...set } });
  };

  /** Where nobody chooses it is the first that can run here. */
  const ofPool = (
    name: string,
    one_of: NonNullable<AgentConfig['one_of']>,
    timeout_ms: number | undefined,
  ): RunnableAgent => {
    const members = Array.isArray(one_of) ? (one_of as readonly string[]) : Object.keys(one_of);
    const weights = Array.isArray(one_of) ? undefined : Object.values(one_of as Record<string, number>);
    const nested = members.find((member) => config[member]?.one_of !== undefined);
    if (nested !== undefined)
      throw new ConductorError(
        'configuration',
        `the agent "${name}" cannot be one of "${nested}", which is several itself`,
      );
    const first = members.map(usable).find((agent) => agent !== undefined) ?? describe(members[0]!);
    return {
      ...first,
      name,
      pool: { members, ...(weights === undefined ? {} : { weights }) },
      ...(timeout_ms === undefined ? {} : { timeout_ms }),
    };
  };

  const canRun = (agent: RunnableAgent): boolean =>
    agent.kind.rest ? agent.argv.length > 0 : agent.argv.length === 0 || agent.program !== undefined;

  const find = (name: string): RunnableAgent => {
    const agent = describe(name);
    if (canRun(agent)) return agent;
    const message = `the program "${agent.argv[0]}" of the agent "${name}" was not found on PATH`;
    throw new ConductorError('configuration', message, { details: { agent: name, program: agent.argv[0] } });
  };

  /** The agent if it can run here. An unknown name is still an error: it is a mistake, not an absence. */
  const usable = (name: string): RunnableAgent | undefined => {
    const agent = describe(name);
    return canRun(agent) ? agent : undefined;
  };

  return {
    find,
    list: () =>
      names.flatMap((name) => {
        try {
          return [describe(name)];
        } catch {
          return [];
        }
      }),
    choose(wanted) {
      for (const name of wanted ?? []) {
        const agent = usable(name);
        if (agent) return agent;
      }
      // What was asked for by name in the configuration must not be replaced in silence.
      if (defaultAgent !== undefined) return find(defaultAgent);
      for (const name of CLIS) {
        const agent = usable(name);
        if (agent) return agent;
      }
      return find('shell');
    },
  };
};
