import { McpServer } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import { toConductorError } from '../../core/errors.js';
import { TOOL_NAMES, TOOLS, type ToolName } from './tools.js';

/** Goes to the model as text, JSON where it is no text: an object, for gemini takes JSON apart and refuses a list. */
export type ToolResult = string | Record<string, unknown>;

/** Does one call of a tool. */
export type CallTool = (name: ToolName, input: unknown, signal: AbortSignal) => Promise<ToolResult>;

const textOf = (value: ToolResult): { type: 'text'; text: string }[] => [
  { type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) },
];

/** The tools as an MCP server. An error is told to the model, so that it can do something else. */
export const createMcpServer = (call: CallTool, version: string): McpServer => {
  const server = new McpServer(
    { name: 'conductor', version },
    { instructions: 'The conductor that runs you: its message bus, other agents, and the people behind it.' },
  );
  for (const name of TOOL_NAMES) {
    const { description } = TOOLS[name];
    const inputSchema: z.ZodType = TOOLS[name].input;
    server.registerTool(name, { description, inputSchema }, async (input: unknown, context) => {
      try {
        return { content: textOf(await call(name, input, context.mcpReq.signal)) };
      } catch (error) {
        const { code, message } = toConductorError(error);
        const words = code === 'internal' ? 'something went wrong in the conductor' : message;
        return { content: textOf(`${code}: ${words}`), isError: true };
      }
    });
  }
  return server;
};
