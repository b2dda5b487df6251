import { readFile } from 'node:fs/promises';
import type { Draft } from '../core/event.js';
import { ConductorError, toConductorError } from '../core/errors.js';
import { resumptionOf } from '../core/resumption.js';
import type { RunInfo } from '../core/run.js';
import type { TaskRequest } from '../core/task.js';
import type { Caller } from './access/caller.js';
import type { ApiOptions } from './doors.js';
import type { RunRow } from './lists/rows.js';

type Ports = Pick<ApiOptions, 'bus' | 'ledger' | 'lists' | 'runs' | 'runner' | 'log'>;

export const findRun = ({ lists }: Pick<ApiOptions, 'lists'>, run_id: string): RunRow => {
  const run = lists.runs.get(run_id);
  if (!run) throw new ConductorError('not_found', `there is no run ${run_id}`);
  return run;
};

/** Everything its own file says; `not_found` where the folder is gone. */
export const readRun = async (ports: Pick<ApiOptions, 'lists' | 'runs'>, run_id: string): Promise<RunInfo> => {
  const info = await ports.runs.find(findRun(ports, run_id));
  if (!info) throw new ConductorError('not_found', `the folder of the run ${run_id} is gone`);
  return info;
};

/** Begins to end the run's process tree; what becomes of it is said on the bus. */
export const stopRun = async (ports: Ports, run_id: string, caller: Caller): Promise<void> => {
  const row = findRun(ports, run_id);
  if (row.status !== 'running') throw new ConductorError('conflict', `the run ${run_id} has ended (${row.status})`);
  const info = await readRun(ports, run_id);
  ports.runner
    .stop(info, `by ${caller.name}`)
    .catch((error: unknown) =>
      ports.log.error('a run could not be stopped', { run_id, reason: toConductorError(error).message }),
    );
};

/** Says durably that a run is asked for. */
export const requestTask = async (
  ports: Pick<ApiOptions, 'ledger' | 'lists'>,
  scope: { project_id: string; task_id: string },
  request: TaskRequest,
  by: Pick<Draft, 'source' | 'run_id' | 'depth' | 'trust' | 'parents'>,
): Promise<string> => {
  const [receipt] = await ports.ledger.record([
    {
      ...scope,
      ...by,
      type: 'TASK_REQUESTED',
      data: { ...request },
      body: `${request.agent} is asked for: ${request.prompt.trim().split('\n')[0]?.slice(0, 200) ?? ''}`,
    },
  ]);
  if (receipt === undefined) throw new ConductorError('internal', 'the bus gave no receipt');
  await ports.lists.until(receipt.msg_id);
  return receipt.msg_id;
};

const readEnded = async (ports: Ports, run_id: string): Promise<RunInfo> => {
  if (findRun(ports, run_id).status === 'running')
    throw new ConductorError('conflict', `the run ${run_id} is still running`);
  return readRun(ports, run_id);
};

const askAgain = async (ports: Ports, last: RunInfo, caller: Caller, change: Partial<TaskRequest>) => {
  const { cwd, timeout_ms, project_id, task_id, trust, agent, prompt_path } = last;
  const request = { cwd, agent, timeout_ms, prompt: change.prompt ?? (await readFile(prompt_path, 'utf8')), ...change };
  const msg_id = await requestTask(ports, { project_id, task_id }, request, { source: `api:${caller.name}`, trust });
  return { project_id, task_id, msg_id };
};

/** Asks for the same once more, in the same task. */
export const retryRun = async (ports: Ports, run_id: string, caller: Caller) =>
  askAgain(ports, await readEnded(ports, run_id), caller, {});

/** Goes on in the same task, and in the agent's session where it can; with other words or another agent where they are given. */
export const resumeRun = async (
  ports: Ports & Pick<ApiOptions, 'agents'>,
  run_id: string,
  caller: Caller,
  { prompt: told, agent: other }: { prompt?: string | undefined; agent?: string | undefined },
) => {
  const last = await readEnded(ports, run_id);
  const agent = ports.agents.find(other ?? last.agent);
  const resumption = resumptionOf(last, agent, { asked: await readFile(last.prompt_path, 'utf8'), told });
  return askAgain(ports, last, caller, { agent: agent.name, ...resumption });
};

/** Removes the folder. What was said on the bus stays. */
export const deleteRun = async (ports: Ports, run_id: string, caller: Caller): Promise<void> => {
  const row = findRun(ports, run_id);
  if (row.status === 'running') throw new ConductorError('conflict', `the run ${run_id} is running: stop it first`);
  const { project_id, task_id } = row;
  const [receipt] = await ports.ledger.record([
    {
      project_id,
      task_id,
      run_id,
      type: 'RUN_DELETED',
      source: `api:${caller.name}`,
      data: { run_id },
      body: 'the run was deleted',
    },
  ]);
  await ports.runs.remove(row);
  if (receipt) await ports.lists.until(receipt.msg_id);
};
