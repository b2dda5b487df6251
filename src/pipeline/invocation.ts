import { dirname, resolve } from 'node:path';
import { ConductorError } from '../core/errors.js';
import type { AgentStep, JsonSchema, ShellStep } from '../core/handler.js';
import type { AgentDescription, Agents } from '../core/ports.js';
import type { Call, Context, Frame } from './context.js';
import { forTemplate, type Variables } from './scope.js';
import { render } from './template.js';

/** What a process step starts. */
export interface Invocation {
  agent: string;
  prompt: string;
  stdin?: string;
  cwd: string;
  env: Record<string, string>;
  timeout_ms?: number;
  output_schema?: JsonSchema;
  /** It reads a prompt, and is no script. */
  isAgent: boolean;
  askAgain(answer: string, problem: string): string;
}

const SHELL = 'shell';
/** The largest prompt, in characters. */
const PROMPT_MAX = 1024 * 1024;

const isScript = (agent: AgentDescription): boolean => agent.backend === SHELL;

/** A single name means that agent; of several, the first that can run here. A prompt is never run as a script by accident. */
const choose = (agents: Agents, names: readonly string[], hasFallback: boolean): AgentDescription | undefined => {
  try {
    const [only] = names;
    const agent = names.length === 1 && only !== undefined ? agents.find(only) : agents.choose(names);
    if (!isScript(agent) || names.includes(agent.name)) return agent;
  } catch (error) {
    // Not found is what a fallback is for; a name that nobody knows is a mistake.
    if (!hasFallback || !(error instanceof ConductorError) || error.code !== 'configuration') throw error;
  }
  return hasFallback ? undefined : refuse(names);
};

const refuse = (names: readonly string[]): never => {
  throw new ConductorError(
    'configuration',
    `no agent was found for ${names.join(', ')}: install claude, codex or gemini, or name one in config.yaml (agents:)`,
  );
};

/** Where the event's repository is, else where the handler was asked for. */
export const folderOf = ({ ports, event, activation }: Context, frame: Frame): string =>
  frame.folder ?? ports.folderFor(event) ?? activation.folder ?? ports.defaults.cwd;

/** As JSON on a script's stdin. */
const payloadOf = (variables: Variables): string => JSON.stringify(variables);

const scalar = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;

export const invocation = ({ context, step, path, frame }: Call<AgentStep | ShellStep>): Invocation => {
  const { ports, event } = context;
  const { variables } = frame;
  const nonce = ports.nonce();
  const put = (template: string): string => render(template, forTemplate(variables), nonce);
  const item = scalar(variables.item);
  const env = {
    ...ports.environmentFor(event),
    EVENT_TYPE: event.type,
    EVENT_MSG_ID: event.msg_id,
    STEP_ID: path,
    ACTIVATION: context.id,
    CONDUCTOR_HANDLER: frame.handler.name,
    CONDUCTOR_HANDLER_DIR: dirname(frame.handler.file),
    ...(item === undefined ? {} : { ITEM: item }),
    ...(variables.index === undefined ? {} : { INDEX: String(variables.index) }),
    ...(variables.iteration === undefined ? {} : { ITERATION: String(variables.iteration) }),
    ...Object.fromEntries(Object.entries(step.env).map(([name, template]) => [name, put(template)])),
  };
  const common = {
    cwd: resolve(folderOf(context, frame), step.cwd === undefined ? '' : put(step.cwd)),
    env,
    ...(step.timeout === undefined ? {} : { timeout_ms: step.timeout }),
  };
  const script = (text: string, agent = SHELL): Invocation => ({
    ...common,
    agent,
    prompt: text,
    stdin: payloadOf(variables),
    isAgent: false,
    askAgain: () => text,
  });
  if (step.kind === 'shell') return script(step.script);
  const agent = choose(ports.agents, step.agents.map(put), step.fallback_script !== undefined);
  if (!agent) return script(step.fallback_script ?? '');
  // An agent that is a shell runs its prompt: so nothing is put into it.
  if (isScript(agent)) return script(step.prompt, agent.name);
  const schema = typeof step.output === 'object' ? step.output.schema : undefined;
  const text = [
    put(step.prompt),
    schema && `Answer with one JSON value that fits this JSON Schema, and nothing else:\n${JSON.stringify(schema)}`,
  ]
    .filter(Boolean)
    .join('\n\n');
  if (text.length > PROMPT_MAX)
    throw new ConductorError('too_large', `the prompt is longer than ${PROMPT_MAX} characters`);
  return {
    ...common,
    agent: agent.name,
    prompt: text,
    isAgent: true,
    ...(schema === undefined ? {} : { output_schema: schema }),
    askAgain: (answer, problem) =>
      `${text}\n\nYour last answer was:\n${answer.slice(0, 16_384)}\n\nIt cannot be used: ${problem}. Answer again.`,
  };
};
