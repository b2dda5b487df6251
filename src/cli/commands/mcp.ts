import type { Command } from 'commander';
import type { ToolResult } from '../../api/mcp/server.js';
import { rootOption, serverOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('mcp')
    .description("the tools of an agent on standard input and output (MCP); inside a run with the run's own rights")
    .addOption(serverOption())
    .addOption(rootOption())
    .action(async (options: { root: string; server?: string }) => {
      const { serveStdio } = await import('@modelcontextprotocol/server/stdio');
      const { createMcpServer } = await import('../../api/mcp/server.js');
      const { readVersion } = await import('../package-folder.js');
      const { askService, findService } = await import('../service-client.js');
      const service = await findService(options.root, process.env, options.server);
      serveStdio(() =>
        createMcpServer(async (name, input, signal) => {
          const { result } = (await askService(service, `/api/v1/tools/${name}`, { body: input, signal })) as {
            result: ToolResult;
          };
          return result;
        }, readVersion()),
      );
    });
};
