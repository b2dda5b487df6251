import { backoffDelay } from '../../core/backoff.js';
import { MAX_DEPTH, chainSpent, isFurtherScript } from '../../core/depth.js';
import type { AgentStep, Retry, ShellStep } from '../../core/handler.js';
import type { Agents } from '../../core/ports.js';
import type { RunEnd } from '../../core/run.js';
import { TASK_HANDLER, taskRequestSchema } from '../../core/task.js';
import type { Call, Context } from '../context.js';
import { invocation, type Invocation } from '../invocation.js';
import { readOutput } from '../output.js';
import { chooseAgent } from '../choose-agent.js';
import { createNext } from '../next-attempt.js';
import { pause } from '../pause.js';
import { failedEnd, follow, isUncounted, startFact, stopFact, tooDeep, type AttemptRequest } from '../run-attempts.js';
import type { Outcome } from '../scope.js';
import type { Stop } from '../stop.js';

/** An agent may fail by a limit or the network at any time; a script is tried again only where its step says so. */
const AGENT_RETRY: Retry = { attempts: 5, base: 1_000, cap: 30_000, on: ['transient'] };
const ONCE: Retry = { ...AGENT_RETRY, attempts: 1 };
/** So long until it is tried again whether the disk has room for a run. */
const FULL = { base_ms: 1_000, cap_ms: 60_000 };
/** A run that was lost with its machine or conductor starts again without that counting, so often at most. */
const UNCOUNTED = 5;

const why = (end: RunEnd): string => end.error_summary ?? end.reason ?? `exit ${end.exit_code}`;

const MAX_OUTPUT = 24 * 1024;
const cut = (text: string): string =>
  text.length > MAX_OUTPUT ? `${text.slice(0, MAX_OUTPUT / 2)}\n…\n${text.slice(-MAX_OUTPUT / 2)}` : text;

/** The agent's own, by the configuration. */
const timeoutOf = (agents: Agents, name: string): number | undefined => {
  try {
    return agents.find(name).timeout_ms;
  } catch {
    // The runner says what is wrong with it.
    return undefined;
  }
};

/** A task that a run asked for is a child of that run; one that was resumed goes on with the run before. */
const kinOf = ({ activation, event }: Context): Partial<AttemptRequest> => {
  const asked = activation.handler === TASK_HANDLER ? taskRequestSchema.safeParse(event.data).data : undefined;
  if (asked === undefined) return {};
  const { parent_run_id, previous_run_id, resume_session } = asked;
  return {
    ...(parent_run_id === undefined ? {} : { parent_run_id }),
    ...(previous_run_id === undefined ? {} : { previous_run_id }),
    ...(resume_session === undefined ? {} : { resume_session }),
  };
};

const requestOf = (context: Context, path: string, made: Invocation): Omit<AttemptRequest, 'retry'> => {
  const { ports, activation, id } = context;
  return {
    ...kinOf(context),
    project_id: activation.project_id,
    task_id: activation.task_id,
    agent: made.agent,
    prompt: made.prompt,
    ...(made.stdin === undefined ? {} : { stdin: made.stdin }),
    ...(made.output_schema === undefined ? {} : { output_schema: made.output_schema }),
    cwd: made.cwd,
    env: made.env,
    timeout_ms: made.timeout_ms ?? timeoutOf(ports.agents, made.agent) ?? ports.defaults.timeout_ms,
    depth: activation.depth,
    trust: activation.trust,
    activation: id,
    step: path,
    root: activation.root,
    cause: activation.event,
    ...(activation.usd_per_run === undefined ? {} : { limits: { usd: activation.usd_per_run } }),
    ...(activation.usd_per_day === undefined
      ? {}
      : { rule: { id: activation.budget ?? activation.rule, usd_per_day: activation.usd_per_day } }),
  };
};

const attempt = async (
  context: Context,
  request: Omit<AttemptRequest, 'retry'>,
  number: number,
  previous: string | undefined,
  stop: Stop,
): Promise<RunEnd> => {
  const run_id = context.ports.ids.runId();
  if (request.depth >= MAX_DEPTH) return tooDeep(run_id, request.depth);
  const { root, begun } = context.activation;
  const say = () => context.journal.commit(startFact(request, run_id, number));
  const isWithin = isFurtherScript(request.agent, begun)
    ? await say().then(() => true)
    : await context.chains.start(root, say);
  if (!isWithin) {
    const spent = chainSpent(root);
    const said = context.fact(
      'CHAIN_LIMIT',
      { activation: context.id, root, reason: 'chain', detail: spent },
      `ERROR: ${spent}`,
    );
    context.journal.defer({ ...said, dedupe_key: `chain-limit:${spent}` });
    return failedEnd(run_id, 2, spent, 'chain');
  }
  const { onEvent: _onEvent, root: _root, cause: _cause, pool: _pool, ...spec } = request;
  const run$ = context.ports.runner.attempt({
    ...spec,
    run_id,
    attempt: number,
    ...(previous === undefined ? {} : { previous_run_id: previous }),
  });
  return follow(context.ports.runner, { ...request, run_id }, run$, stop);
};

/** The run that a conductor that is gone started for this step: a living one is awaited, a dead one's end is found. */
const adopt = async (context: Context, run_id: string, stop: Stop): Promise<RunEnd> => {
  const { project_id, task_id } = context.activation;
  const scope = { project_id, task_id, run_id };
  const run = (await context.ports.runs.find(scope)) ?? context.ports.ledger.view.runs.get(run_id);
  return run
    ? follow(context.ports.runner, scope, context.ports.runner.adopt(run), stop)
    : failedEnd(run_id, 1, 'whoever started it died before it began', 'never_started');
};

export const runProcess = async (call: Call<AgentStep | ShellStep>): Promise<Outcome> => {
  const { context, step, path, frame } = call;
  const { ports, journal } = context;
  const before = context.activation.attempts.get(path);
  // What runs already is awaited, also while nothing new may begin.
  if (!before) await context.gate(frame.stop);
  const made = invocation(call);
  const retry = step.retry ?? (made.isAgent ? AGENT_RETRY : ONCE);
  const wanted = requestOf(context, path, made);
  const known = before && ports.ledger.view.runs.get(before.run_id);
  const chosen = known ? { request: { ...wanted, agent: known.agent } } : await chooseAgent(ports, wanted);
  let { request } = chosen;
  if ('said' in chosen && chosen.said) journal.defer(chosen.said);
  const next = createNext(ports, request);
  let asked = 0;
  let uncounted = 0;
  let full = 0;
  let previous: string | undefined;
  let end: RunEnd;
  let number = before?.attempt ?? 1;
  let adopting = before?.run_id;
  for (;;) {
    end =
      adopting === undefined
        ? await attempt(context, request, number, previous, frame.stop)
        : await adopt(context, adopting, frame.stop);
    const wasAdopted = adopting !== undefined;
    adopting = undefined;
    const said = !wasAdopted || ports.ledger.view.runs.has(end.run_id);
    const stopped = stopFact({ ...request, agent: request.agent }, end);
    if (frame.stop.reason !== undefined) {
      if (said) await journal.commit(stopped);
      frame.stop.check();
    }
    if (said) journal.defer(stopped);
    previous = end.run_id;
    if (wasAdopted && end.status === 'failed') await context.gate(frame.stop);
    if (isUncounted(end) && wasAdopted && uncounted++ < UNCOUNTED && number < retry.attempts + UNCOUNTED) {
      if (end.reason === 'lost') number++;
      continue;
    }
    if (end.status === 'completed') {
      const read = readOutput(step.output, end.output);
      if (read.problem !== undefined && made.isAgent && typeof step.output === 'object' && asked < step.output.asks) {
        asked++;
        number++;
        request = { ...request, prompt: made.askAgain(end.output, read.problem) };
        continue;
      }
      return {
        status: read.problem === undefined ? 'completed' : 'failed',
        attempts: number,
        output: cut(end.output),
        ...(read.data === undefined ? {} : { data: read.data }),
        run_id: end.run_id,
        ...(read.problem === undefined
          ? { exit: 0 }
          : { exit: 2, class: 'permanent', error: read.problem, ...(end.stderr === '' ? {} : { stderr: end.stderr }) }),
      };
    }
    if (end.reason === 'no_room') {
      full++;
      if (full === 1)
        ports.log.error(`pipeline: step ${path} of ${context.id} waits for room on the disk: ${why(end)}`);
      await pause(ports.clock, backoffDelay(full, FULL, ports.random()), frame.stop, context.drain);
      frame.stop.check();
      context.drain.check();
      await context.gate(frame.stop);
      continue;
    }
    const following = next(request, end, number, { ...retry, base_ms: retry.base, cap_ms: retry.cap });
    if (following === undefined) break;
    if (following.said) journal.defer(following.said);
    request = following.request;
    await pause(ports.clock, following.delay_ms, frame.stop, context.drain);
    frame.stop.check();
    context.drain.check();
    await context.gate(frame.stop);
    number++;
  }
  const read = readOutput(step.output, end.output);
  return {
    status: 'failed',
    attempts: number,
    output: cut(end.output),
    ...(end.stderr === '' ? {} : { stderr: end.stderr }),
    ...(read.data === undefined ? {} : { data: read.data }),
    run_id: end.run_id,
    exit: end.exit === 0 ? 1 : end.exit,
    ...(end.class ? { class: end.class } : {}),
    error: end.reason === 'timeout' ? `timeout: ${why(end)}` : why(end),
  };
};
