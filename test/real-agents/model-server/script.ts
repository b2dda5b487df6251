/** One thing that the model does next. A prompt holds a list of them in a line `SCRIPT [...]`; without one it says "done". */
export type Step =
  | { say: string }
  /** A command for whatever shell tool the agent offers; nothing where it offers none. */
  | { tool: string }
  /** A text into a file, with the tool that the agent has for that; nothing where it has none. */
  | { write: [path: string, text: string] }
  /** A tool of an MCP server, by the end of its name, and what it is given. */
  | { mcp: [tool: string, input: Json] }
  /** A tool by its whole name, whether or not it is offered. */
  | { call: [name: string, input: Json] }
  /** An HTTP status in place of an answer; `times`: so often, then the next step. */
  | { status: number; times?: number; retry_after?: number; message?: string }
  /** Headers, and then nothing; or an answer that breaks off in the middle. */
  | { hang: true }
  | { drop: true };

export type Json = Record<string, unknown>;

/** What a request holds, whichever language it is in. */
export interface Talk {
  /** What the person said, oldest first, and how often the model has called a tool since. */
  prompts: { text: string; calls: number }[];
  /** Names of the tools that the model may call; those of a namespace as `namespace name`. */
  tools: string[];
}

export type Answer =
  | Exclude<Step, { tool: string } | { write: unknown } | { mcp: unknown } | { call: unknown }>
  | { call: string; input: Json };

const SCRIPT = /^SCRIPT (\[.*\])$/m;

/** Shell tools by name, and what they call the command. */
const SHELLS: Readonly<Record<string, string>> = {
  Bash: 'command',
  bash: 'command',
  run_shell_command: 'command',
  shell_command: 'command',
  exec_command: 'cmd',
};

/** The one tool of a codex that has its model write programs, which call the others. */
const PROGRAM = 'functions exec';
const program = (code: string): Answer => ({ call: PROGRAM, input: { code } });

/** Is no call of the script. */
export const SEARCH = 'ToolSearch';

const shellCall = (tools: readonly string[], command: string): Answer | undefined => {
  const name = tools.find((tool) => tool in SHELLS);
  // Some want a word on what it is for.
  if (name !== undefined)
    return {
      call: name,
      input: { [SHELLS[name]!]: command, ...(name === 'exec_command' ? {} : { description: 'work' }) },
    };
  if (tools.includes(PROGRAM)) return program(`text(await tools.exec_command({ cmd: ${JSON.stringify(command)} }));`);
  return undefined;
};

const writeCall = (tools: readonly string[], path: string, content: string): Answer | undefined => {
  const name = tools.find((tool) => tool === 'Write' || tool === 'write_file');
  return name === undefined ? undefined : { call: name, input: { file_path: path, content } };
};

const mcpCall = (tools: readonly string[], wanted: string, input: Json): Answer => {
  const name = tools.find((tool) => tool.endsWith(wanted));
  if (name !== undefined) return { call: name, input };
  // Tools that are not shown at once have to be looked for first.
  if (tools.includes(SEARCH))
    return { call: SEARCH, input: { query: `select:mcp__conductor__${wanted}`, max_results: 5 } };
  if (tools.includes(PROGRAM))
    return program(
      `const { name } = ALL_TOOLS.find((tool) => tool.name.endsWith(${JSON.stringify(wanted)}));` +
        `text(await tools[name](${JSON.stringify(input)}));`,
    );
  return { say: `there is no ${wanted} among ${tools.join(', ')}` };
};

const callOf = (step: Exclude<Step, { status: number }>, tools: readonly string[]): Answer | undefined => {
  if ('tool' in step) return shellCall(tools, step.tool);
  if ('write' in step) return writeCall(tools, ...step.write);
  if ('call' in step) return { call: step.call[0], input: step.call[1] };
  return 'mcp' in step ? mcpCall(tools, ...step.mcp) : step;
};

/** `served` counts answers with a status, by script and step; it is all that is remembered between two requests. */
export const nextAnswer = ({ prompts, tools }: Talk, served: Map<string, number>): Answer => {
  const at = prompts.findLastIndex(({ text }) => SCRIPT.test(text));
  const script = SCRIPT.exec(prompts[at]?.text ?? '')?.[1];
  if (script === undefined) return { say: 'done' };
  let calls = prompts.slice(at).reduce((sum, prompt) => sum + prompt.calls, 0);
  for (const [index, step] of (JSON.parse(script) as Step[]).entries()) {
    if ('status' in step) {
      const key = `${index} ${script}`;
      const count = served.get(key) ?? 0;
      if (count >= (step.times ?? Number.POSITIVE_INFINITY)) continue;
      served.set(key, count + 1);
      return step;
    }
    const call = callOf(step, tools);
    if (call === undefined || ('call' in call && calls-- > 0)) continue;
    return call;
  }
  return { say: 'done' };
};
