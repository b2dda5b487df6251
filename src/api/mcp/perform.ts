import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHAIN_BUDGET, MAX_DEPTH, chainSpent } from '../../core/depth.js';
import { ConductorError } from '../../core/errors.js';
import { normaliseType } from '../../core/event-type.js';
import type { RunScope } from '../../core/ports.js';
import type { Caller } from '../access/caller.js';
import { checked } from '../checked.js';
import type { ApiOptions } from '../doors.js';
import { taskKey } from '../lists/shelves.js';
import type { ApprovalRow, TaskRow } from '../lists/rows.js';
import { postAs } from '../routes/messages.js';
import { requestTask } from '../run-control.js';
import { readStretch } from '../run-files.js';
import type { ToolResult } from './server.js';
import { TOOLS, type ToolInput, type ToolName } from './tools.js';
import { waitFor } from './wait.js';

const LONGEST_OUTPUT = 24 * 1024;

type Tool<Name extends ToolName> = (
  options: ApiOptions,
  caller: Caller,
  input: ToolInput<Name>,
  signal: AbortSignal,
) => Promise<ToolResult>;

const runOf = (caller: Caller): RunScope => {
  if (!caller.run) throw new ConductorError('forbidden', 'only a run can do this: show the ticket of one');
  return caller.run;
};

const postMessage: Tool<'post_message'> = async (options, caller, input) => ({
  ...(await postAs(options, input, caller)),
});

const readMessages: Tool<'read_messages'> = async ({ bus }, caller, { since_id, type, limit, ...scope }) => {
  const messages = [];
  const query = {
    ...(caller.run ? { project_id: caller.run.project_id } : {}),
    ...(type === undefined ? {} : { types: type.map(normaliseType) }),
    ...(scope.task_id === undefined ? {} : { task_id: scope.task_id }),
    ...(scope.run_id === undefined ? {} : { run_id: scope.run_id }),
    ...(since_id === undefined ? { tail: limit } : { since_id }),
  };
  for await (const { msg_id, ts, type: said, task_id, run_id, source, body, data } of bus.read(query)) {
    messages.push({ msg_id, ts, type: said, task_id, run_id, source, body, data });
    if (messages.length === limit) break;
  }
  return { messages };
};

/** Depth and chain budget are the ledger's word, not the caller's. */
const spawnRun: Tool<'spawn_run'> = async (options, caller, input) => {
  const { ledger, lists, agents, ids } = options;
  const parent = caller.run && lists.runs.get(caller.run.run_id);
  const lineage = caller.run && ledger.view.lineage.get(caller.run.run_id);
  const depth = lineage === undefined ? 0 : lineage.depth + 1;
  if (depth >= MAX_DEPTH)
    throw new ConductorError('too_deep', `depth ${depth} is too deep: nothing starts at ${MAX_DEPTH} or deeper`);
  if (lineage?.root !== undefined && (ledger.view.chains.get(lineage.root) ?? 0) >= CHAIN_BUDGET)
    throw new ConductorError('too_deep', chainSpent(lineage.root));
  const agent = agents.find(input.agent ?? parent?.agent ?? agents.choose().name).name;
  const scope = {
    project_id: caller.run?.project_id ?? 'default',
    task_id: input.task_id ?? ids.taskId('spawned'),
  };
  const request = {
    prompt: input.prompt,
    agent,
    cwd: input.cwd ?? parent?.cwd ?? options.folder,
    timeout_ms: input.timeout_seconds * 1_000,
    ...(caller.run ? { parent_run_id: caller.run.run_id } : {}),
  };
  const root = lineage?.root;
  const msg_id = await requestTask(options, scope, request, {
    source: caller.run ? `run:${caller.run.run_id}` : `api:${caller.name}`,
    ...(caller.run ? { run_id: caller.run.run_id } : {}),
    depth,
    trust: lineage?.trust ?? 'full',
    parents: root === undefined ? [] : [{ msg_id: root, kind: 'root' }],
  });
  return { ...scope, agent, msg_id };
};

const hasEnded = ({ status }: TaskRow): boolean => !['pending', 'running'].includes(status);

const waitRuns: Tool<'wait_runs'> = async (options, caller, { task_ids, timeout_seconds }, signal) => {
  const { lists, ledger, runs } = options;
  const project_id = caller.run?.project_id ?? 'default';
  const find = (task_id: string): TaskRow => {
    const task = lists.tasks.get(taskKey({ project_id, task_id }));
    if (!task) throw new ConductorError('not_found', `there is no task ${task_id} in ${project_id}`);
    return task;
  };
  const look = (): true | undefined => (task_ids.every((task_id) => hasEnded(find(task_id))) ? true : undefined);
  await waitFor(ledger, look, timeout_seconds * 1_000, signal);
  const found = await Promise.all(
    task_ids.map(async (task_id) => {
      const { status, latest_run_id } = find(task_id);
      const run = latest_run_id === undefined ? undefined : lists.runs.get(latest_run_id);
      if (!run || !hasEnded(find(task_id))) return { task_id, status };
      const output = await readStretch(runs.folder(run), 'output.md', { limit: LONGEST_OUTPUT }).catch(() => undefined);
      return { task_id, status, run_id: run.run_id, exit: run.exit, error: run.error, output: output?.text ?? '' };
    }),
  );
  return { runs: found };
};

/** The plain-file equivalent is DONE in the task's folder, which the Ralph loop looks for. */
const reportDone: Tool<'report_done'> = async ({ ledger, runs }, caller, { summary, ok }) => {
  const run = runOf(caller);
  const [receipt] = await ledger.record([
    {
      ...run,
      type: 'RUN_REPORTED',
      source: `run:${run.run_id}`,
      data: { run_id: run.run_id, ok },
      body: ok ? summary : `ERROR: ${summary}`,
    },
  ]);
  if (ok) await writeFile(join(runs.folder({ project_id: run.project_id, task_id: run.task_id }), 'DONE'), '');
  return { msg_id: receipt?.msg_id, done: ok };
};

const answerOf = ({ approval, status, comment, by }: ApprovalRow) => ({
  approval,
  status: status === 'waiting' ? 'waiting' : 'answered',
  ...(status === 'waiting' ? {} : { decision: status, answer: comment ?? '', by }),
});

/** Asks, unless it is asked already; then waits for the decision. */
const question = async (
  options: ApiOptions,
  run: RunScope,
  asked: { approval: string; question?: string | undefined },
  timeout_ms: number,
  signal: AbortSignal,
): Promise<ApprovalRow> => {
  const { lists, ledger } = options;
  const { approval } = asked;
  if (!approval.startsWith(`${run.run_id}/`))
    throw new ConductorError('forbidden', `${approval} was not asked by this run`);
  if (asked.question !== undefined) {
    const [receipt] = await ledger.record([
      {
        ...run,
        type: 'APPROVAL_REQUESTED',
        source: `run:${run.run_id}`,
        data: { approval, question: asked.question, run_id: run.run_id },
        body: asked.question,
      },
    ]);
    if (receipt) await lists.until(receipt.msg_id);
  }
  const row = lists.approvals.get(approval);
  if (!row) throw new ConductorError('not_found', `there is no question ${approval}`);
  await waitFor(ledger, () => (row.status === 'waiting' ? undefined : true), timeout_ms, signal);
  return row;
};

const nameOf = ({ ids }: ApiOptions, run: RunScope): string => `${run.run_id}/${ids.taskId('ask')}`;

const askHuman: Tool<'ask_human'> = async (options, caller, input, signal) => {
  const run = runOf(caller);
  const approval = input.approval ?? nameOf(options, run);
  const asked = { approval, question: input.question };
  return answerOf(await question(options, run, asked, input.timeout_seconds * 1_000, signal));
};

/** Answers in the form that claude's `--permission-prompt-tool` reads. Nobody there is a no. */
const approve: Tool<'approve'> = async (options, caller, { tool_name, input, timeout_seconds }, signal) => {
  const run = runOf(caller);
  const words = `May ${tool_name} be used?\n\n${JSON.stringify(input, null, 2).slice(0, 8_000)}`;
  const asked = { approval: nameOf(options, run), question: words };
  const row = await question(options, run, asked, timeout_seconds * 1_000, signal);
  if (row.status === 'approve') return JSON.stringify({ behavior: 'allow', updatedInput: input });
  const why = row.comment ?? (row.status === 'waiting' ? 'nobody answered in time' : 'a person said no');
  return JSON.stringify({ behavior: 'deny', message: why });
};

const PERFORM: { [Name in ToolName]: Tool<Name> } = {
  post_message: postMessage,
  read_messages: readMessages,
  spawn_run: spawnRun,
  wait_runs: waitRuns,
  report_done: reportDone,
  ask_human: askHuman,
  approve,
};

/** Does what the tool says, with the caller's rights. */
export const perform = (
  options: ApiOptions,
  caller: Caller,
  name: ToolName,
  input: unknown,
  signal: AbortSignal,
): Promise<ToolResult> => {
  const tool = PERFORM[name] as (
    options: ApiOptions,
    caller: Caller,
    input: unknown,
    signal: AbortSignal,
  ) => Promise<ToolResult>;
  return tool(options, caller, checked(TOOLS[name].input, input), signal);
};
