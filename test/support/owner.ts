// Starts one run and reports it, until it is killed: `owner.ts ROOT BIN AGENT PROMPT-FILE RUN_ID TASK`.
import { readFileSync } from 'node:fs';
import { lastValueFrom } from 'rxjs';
import { clock } from '../../src/cli/system.js';
import { createAgents } from '../../src/runner/agents.js';
import { createRunner } from '../../src/runner/runner.js';
import { openRuns } from '../../src/storage/run-store.js';
import { openSlots } from '../../src/storage/slots.js';

const [rootPath = '', bin = '', agent = '', promptFile = '', run_id = '', slots = '16'] = process.argv.slice(2);
const environment = { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
const runs = openRuns(rootPath);
const runner = createRunner({
  rootPath,
  runs,
  agents: createAgents({ config: { plain: { command: ['plain'] } }, environment }),
  clock,
  environment,
  slots: openSlots(rootPath, Number(slots), clock),
});
const end = await lastValueFrom(
  runner.attempt({
    run_id,
    project_id: 'test',
    task_id: 'task',
    agent,
    prompt: readFileSync(promptFile, 'utf8'),
    cwd: rootPath,
    env: {},
    timeout_ms: 60_000,
    depth: 0,
    trust: 'full',
    attempt: 1,
  }),
);
process.stdout.write(`${JSON.stringify(end)}\n`);
