import { statSync } from 'node:fs';
import { ConductorError } from '../core/errors.js';
import type { AttemptSpec, Runs, RunScope, Slot } from '../core/ports.js';
import { stricter, type RunInfo, type RunLimits } from '../core/run.js';
import { homePathOf, prepareHome } from './agent-home.js';
import type { RunnableAgents } from './agents.js';
import type { Price } from './agents/backend.js';
import { spentBefore, type Before } from './budget.js';
import { buildEnvironment } from './environment.js';
import { preambleOf, wholePrompt } from './preamble.js';
import { bootId, pidNamespace } from './processes.js';
import type { RawFolder } from './raw-folder.js';
import { reflogNow } from './reflog.js';
import { boxed } from './sandbox.js';
import type { Started } from './shim.js';
import type { createShims } from './shims.js';
import type { Family } from './streams/family.js';

export interface LaunchPorts {
  rootPath: string;
  runs: Runs;
  agents: RunnableAgents;
  /** Ours; only what is allowed by name reaches an agent. */
  environment: NodeJS.ProcessEnv;
  /** Where our own commands are; put first on the agent's PATH. */
  binFolder?: string;
  shims: ReturnType<typeof createShims>;
  /** The run's own token. */
  ticketOf?: (run: RunScope) => string;
  /** Where the root's service is, where one runs. */
  serviceUrl?: () => string | undefined;
}

export interface Launched extends Started {
  argv: readonly string[];
  family: Family | undefined;
  limits: RunLimits;
  before: Before;
  price: Price | undefined;
}

const isFolder = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

const checkFolder = (cwd: string): void => {
  if (!isFolder(cwd)) throw new ConductorError('configuration', `the working directory ${cwd} is not a folder`);
};

/** Everything before the process: it either starts, or says why not. */
export const launch = async (
  ports: LaunchPorts,
  spec: AttemptSpec,
  info: RunInfo,
  raw: RawFolder,
  slot: Slot | undefined,
): Promise<Launched> => {
  const agent = ports.agents.find(spec.agent);
  checkFolder(spec.cwd);
  const asRoot = process.getuid?.() === 0;
  const place = {
    rootPath: ports.rootPath,
    runFolder: ports.runs.folder(spec),
    taskFolder: ports.runs.folder({ project_id: spec.project_id, task_id: spec.task_id }),
    outputPath: info.output_path,
  };
  const readOnly = agent.config.tools === 'read-only' || spec.trust === 'outside';
  const asks = agent.config.tools === 'ask' && !readOnly;
  const preamble = agent.kind.preamble ? preambleOf(spec, place, readOnly) : '';
  const ticket = ports.ticketOf?.(spec);
  const url = ports.serviceUrl?.();
  const limits = stricter(agent.config.limits ?? {}, spec.limits ?? {});
  const homePath = homePathOf(ports.rootPath, agent.kind.name);
  const plan = agent.kind.launch({
    spec,
    config: { ...agent.config, limits },
    program: agent.argv,
    scriptPath: raw.script,
    homePath,
    asRoot,
    readOnly,
    asks,
    environment: ports.environment,
    ...(url === undefined ? {} : { mcpUrl: `${url}/mcp` }),
    prompt: wholePrompt(spec.stdin ?? spec.prompt, agent.config.role, preamble),
  });
  const argv = boxed(agent.config.sandbox, { cwd: spec.cwd, writable: [ports.rootPath], asRoot }, plan.argv);
  const env = buildEnvironment({
    spec,
    kind: agent.kind,
    config: agent.config,
    environment: ports.environment,
    extra: {
      ...plan.env,
      ...(plan.home === undefined ? {} : prepareHome(homePath, ports.environment['HOME'], plan.home)),
    },
    binFolder: ports.binFolder,
    ticket,
    url,
    ...place,
  });
  const family = agent.kind.family;
  const before = await spentBefore(ports.runs, spec, family);
  const { price } = agent.config;
  const reflog = reflogNow(spec.cwd);
  const shim = await ports.shims.take(slot);
  try {
    const input = raw.prepare({
      stdin: plan.stdin,
      script: plan.script,
      note: {
        backend: agent.backend,
        boot_id: bootId(),
        pid_namespace: pidNamespace(),
        limits,
        ...before,
        ...(price === undefined ? {} : { price }),
        ...(family ? { family } : {}),
        ...(shim.cgroup ? { cgroup: shim.cgroup } : {}),
        pid: shim.pid,
        ...(shim.start === undefined ? {} : { pid_start: shim.start }),
        ...(reflog ? { reflog } : {}),
      },
    });
    return {
      ...shim.begin({ raw, input, argv, cwd: spec.cwd, env }, slot?.share()),
      argv,
      family,
      limits,
      before,
      price,
    };
  } catch (error) {
    await shim.discard();
    throw error;
  }
};
