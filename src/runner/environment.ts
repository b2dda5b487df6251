import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { MAX_DEPTH } from '../core/depth.js';
import { ConductorError } from '../core/errors.js';
import { markerOf } from '../core/marker.js';
import type { AttemptSpec } from '../core/ports.js';
import type { AgentConfig, Backend } from './agents/backend.js';

/** Agents hand their whole environment to every tool they start, so it holds only what is named here. */
const PASSED = new Set(['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LANGUAGE', 'TERM', 'TMPDIR', 'SHELL', 'TZ']);
const PROXIES = /^(https?|all|no)_proxy$/i;
const CERTIFICATES = new Set(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']);

/** May be written down. */
const isPlain = (name: string): boolean => PASSED.has(name) || name.startsWith('LC_') || CERTIFICATES.has(name);
/** The address of a proxy may hold a password. */
const passes = (name: string): boolean => isPlain(name) || PROXIES.test(name);

const only = (environment: NodeJS.ProcessEnv, fits: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value !== undefined && fits(name) ? [[name, value]] : [])),
  );

/** What a run that another process starts later gets of this environment; keys and proxies it gets of that process. */
export const inheritable = (environment: NodeJS.ProcessEnv): Record<string, string> => only(environment, isPlain);

/** The key in the file, which nobody else may read. Throws `configuration` with the remedy. */
export const readToken = (file: string): string => {
  const path = file.startsWith('~/') ? join(homedir(), file.slice(2)) : file;
  let token: string;
  try {
    token = readFileSync(path, 'utf8').trim();
    if ((statSync(path).mode & 0o077) !== 0)
      throw new ConductorError('configuration', `others may read the token file ${file}: chmod 600 ${path}`);
  } catch (error) {
    if (error instanceof ConductorError) throw error;
    throw new ConductorError('configuration', `cannot read the token file ${file}`, { cause: error });
  }
  if (token === '') throw new ConductorError('configuration', `the token file ${file} is empty`);
  return token;
};

const credential = (
  agent: string,
  kind: Backend,
  config: AgentConfig,
  environment: NodeJS.ProcessEnv,
): Record<string, string> => {
  const [first] = kind.keys;
  if (first === undefined) return {};
  if (config.token_file !== undefined) return { [kind.keyAs ?? first]: readToken(config.token_file) };
  const name = kind.keys.find((key) => environment[key]);
  if (name !== undefined) return { [kind.keyAs ?? name]: environment[name] ?? '' };
  if (!kind.needsKey) return {};
  const remedy = `set ${first}, or name a file (chmod 600) as agents.${agent}.token_file`;
  throw new ConductorError('configuration', `the agent "${agent}" has no key: ${remedy}`);
};

export interface EnvironmentInput {
  spec: AttemptSpec;
  kind: Backend;
  config: AgentConfig;
  /** Ours. */
  environment: NodeJS.ProcessEnv;
  /** What the backend itself needs. */
  extra: Readonly<Record<string, string>>;
  binFolder: string | undefined;
  ticket: string | undefined;
  url: string | undefined;
  rootPath: string;
  runFolder: string;
  taskFolder: string;
  outputPath: string;
}

export const buildEnvironment = (input: EnvironmentInput): Record<string, string> => {
  const { spec, environment } = input;
  const env = { ...only(environment, passes), ...only(spec.inherited ?? {}, isPlain) };
  for (const name of input.kind.settings) {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  }
  const { baseUrl } = input.kind;
  if (baseUrl !== undefined && input.config.base_url !== undefined) env[baseUrl] = input.config.base_url;
  Object.assign(env, credential(spec.agent, input.kind, input.config, environment), input.extra);
  // What a stranger caused gets the agent's own key, which it cannot work without, and no other secret.
  if (spec.trust === 'full') Object.assign(env, input.config.env);
  Object.assign(env, spec.env);
  if (input.binFolder !== undefined) env['PATH'] = [input.binFolder, env['PATH']].filter(Boolean).join(delimiter);
  // Last, so that nothing a caller adds can take a run out of its own mark.
  return Object.assign(env, {
    CONDUCTOR_ROOT: input.rootPath,
    CONDUCTOR_RUN_DIR: input.runFolder,
    CONDUCTOR_TASK_DIR: input.taskFolder,
    CONDUCTOR_BUS: join(input.rootPath, 'MESSAGE-BUS.md'),
    CONDUCTOR_OUTPUT: input.outputPath,
    CONDUCTOR_MARKER: markerOf(spec.run_id),
    PROJECT_ID: spec.project_id,
    TASK_ID: spec.task_id,
    RUN_ID: spec.run_id,
    PARENT_RUN_ID: spec.parent_run_id ?? '',
    AGENT: spec.agent,
    CURRENT_DEPTH: String(spec.depth),
    MAX_DEPTH: String(MAX_DEPTH),
    // Not called a token: codex takes variables of that name away from what it starts.
    ...(input.ticket === undefined ? {} : { CONDUCTOR_TICKET: input.ticket }),
    ...(input.url === undefined ? {} : { CONDUCTOR_URL: input.url }),
  });
};
