import { setTimeout as delay } from 'node:timers/promises';
import type { RunRow } from '../../api/lists/rows.js';
import { ConductorError } from '../../core/errors.js';
import { readAnswer, openAnswer, type ServiceAddress } from '../service-client.js';
import type { LogsOptions, RunFile } from '../tasks/logs.js';
import type { Scope } from '../tasks/scope.js';
import { get, serviceOf, taskPath, type Where } from './service.js';
import { taskAt } from './tasks.js';

const LOOK_MS = 300;

const FILES = {
  output: 'output.md',
  stdout: 'agent-stdout.txt',
  stderr: 'agent-stderr.txt',
  prompt: 'prompt.md',
} as const satisfies Record<RunFile, string>;

const runAt = async (service: ServiceAddress, run_id: string): Promise<RunRow> =>
  ((await get(service, `/api/v1/runs/${encodeURIComponent(run_id)}`)) as { run: RunRow }).run;

/** The one that is named, else the newest; `follow` waits for it to begin. */
const findRun = async (service: ServiceAddress, scope: Scope, { run, follow }: LogsOptions): Promise<string> => {
  if (run !== undefined) {
    const { project_id, task_id } = await runAt(service, run);
    if (project_id === scope.project_id && task_id === scope.task_id) return run;
    throw new ConductorError('not_found', `the run ${run} is one of ${project_id}/${task_id}`);
  }
  for (;;) {
    const { latest_run_id } = await taskAt(service, scope);
    if (latest_run_id !== undefined) return latest_run_id;
    if (!follow) throw new ConductorError('not_found', `nothing of ${scope.project_id}/${scope.task_id} ran yet`);
    await delay(LOOK_MS);
  }
};

/** Writes a file of one run of the task, the newest unless named; `follow`: until the run ends. */
export const showLogs = async (where: Where & LogsOptions, scope: Scope): Promise<void> => {
  const service = await serviceOf(where);
  await get(service, taskPath(scope));
  const run_id = await findRun(service, scope, where);
  const path = `/api/v1/runs/${encodeURIComponent(run_id)}/files/${FILES[where.file]}`;
  let words = where.tail === undefined ? 'offset=0' : `tail=${where.tail}`;
  for (let told = -1; ;) {
    // Asked before the last look, so that nothing written before the end is missed.
    const goesOn = where.follow === true && (await runAt(service, run_id)).status === 'running';
    for (;;) {
      const answer = await openAnswer(service, `${path}?${words}`, { method: 'GET' });
      const text = await readAnswer(answer);
      const next = Number(answer.headers['x-next-offset']);
      if (next === told) break;
      told = next;
      words = `offset=${next}`;
      if (!process.stdout.writable) return;
      await new Promise<void>((resolve) => void process.stdout.write(text, () => resolve()));
    }
    if (!goesOn) return;
    await delay(LOOK_MS);
  }
};
