import { BACKENDS, createAgents } from '../../runner/agents.js';
import { agentsOf } from '../agents.js';
import { findProblems } from '../config/check.js';
import { loadConfig } from '../load-config.js';
import { restProgram } from '../package-folder.js';
import { printTable } from '../table.js';
import { COMMON, parse } from './options.js';

const HELP = `run-agent validate [--config FILE] [--agent A] [--json]

The configuration, and which agents can run here. Ends with 3 when something is wrong, or the agent named cannot run.
"conductor doctor" looks at more.

Examples:
  run-agent validate
  run-agent validate --agent claude
`;

const OPTIONS = { ...COMMON, agent: { type: 'string' }, json: { type: 'boolean' } } as const;

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values } = parsed;
  const loaded = loadConfig(values.config);
  const problems = findProblems(loaded, process.env);
  const agents = createAgents({
    config: agentsOf(loaded.config, loaded.folder),
    environment: process.env,
    restProgram,
  });
  // Throws for a name nobody knows, and where its program is missing.
  if (values.agent !== undefined) agents.find(values.agent);
  const whereOf = ({ backend, program }: { backend: string; program?: string | undefined }): string =>
    program ?? (backend === 'shell' ? '/bin/sh' : BACKENDS[backend]?.rest ? 'over HTTP' : 'not found');
  const rows = agents.list().map(({ name, backend, program }) => ({ name, backend, program }));
  if (values.json) process.stdout.write(`${JSON.stringify({ problems, agents: rows }, null, 2)}\n`);
  else
    printTable(
      rows,
      [
        { title: 'agent', of: (row) => row.name },
        { title: 'backend', of: (row) => row.backend },
        { title: 'program', of: whereOf },
      ],
      { name: 'agents' },
    );
  for (const { field, message } of problems) process.stderr.write(`ERROR: ${field}: ${message}\n`);
  return problems.length === 0 ? 0 : 3;
};
