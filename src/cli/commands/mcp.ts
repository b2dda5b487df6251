import type { Command } from 'commander';
import { rootOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('mcp')
    .description("the tools of an agent on standard input and output (MCP); inside a run with the run's own rights")
    .addOption(rootOption())
    .action(async (options: { root: string }) => {
      const { serveStdio } = await import('@modelcontextprotocol/server/stdio');
      const { createMcpServer } = await import('../../api/mcp/server.js');
      const { readVersion } = await import('../package-folder.js');
      const { askService, findService } = await import('../service-client.js');
      const service = await findService(options.root, process.env);
      serveStdio(() =>
        createMcpServer(async (name, input, signal) => {
          const { result } = (await askService(service, `/api/v1/tools/${name}`, input, signal)) as { result: unknown };
          return result;
        }, readVersion()),
      );
    });
};
