/** One thing that the model does next. A prompt holds a list of them in a line `SCRIPT [...]`; without one it says "done". */
export type Step =
  | { say: string }
  /** A command for whatever shell tool the agent offers. */
  | { tool: string }
  /** A tool of an MCP server, by its own name, and what it is given. */
  | { mcp: [tool: string, input: Json] }
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

export type Answer = Exclude<Step, { tool: string } | { mcp: unknown }> | { call: string; input: Json };

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

const shellCall = (tools: readonly string[], command: string): Answer => {
  const name = tools.find((tool) => tool in SHELLS);
  // Some want a word on what it is for.
  if (name !== undefined)
    return {
      call: name,
      input: { [SHELLS[name]!]: command, ...(name === 'exec_command' ? {} : { description: 'work' }) },
    };
  if (tools.includes(PROGRAM)) return program(`text(await tools.exec_command({ cmd: ${JSON.stringify(command)} }));`);
  return { say: `there is no shell among ${tools.join(', ')}` };
};

const mcpCall = (tools: readonly string[], wanted: string, input: Json): Answer => {
  const name = tools.find((tool) => tool.endsWith(wanted) && tool !== wanted);
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
    if ('tool' in step || 'mcp' in step) {
      if (calls-- > 0) continue;
      return 'tool' in step ? shellCall(tools, step.tool) : mcpCall(tools, ...step.mcp);
    }
    return step;
  }
  return { say: 'done' };
};
