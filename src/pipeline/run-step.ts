import { ConductorError, toConductorError } from '../core/errors.js';
import type { Cache, Retry, Step } from '../core/handler.js';
import { backoffDelay } from '../core/backoff.js';
import type { StepResult } from '../core/ledger-view.js';
import { holds } from './condition.js';
import type { Call, Context, Frame } from './context.js';
import { failureOf } from './failure-of.js';
import { folderOf } from './invocation.js';
import { isolated } from './isolated.js';
import { runAttempt } from './kernel/attempt.js';
import { runBranch } from './kernel/branch.js';
import { runCall } from './kernel/call.js';
import { runCode } from './kernel/code.js';
import { runEmit } from './kernel/emit.js';
import { runHttp } from './kernel/http.js';
import { runMap } from './kernel/map.js';
import { runNotify } from './kernel/notify.js';
import { runParallel } from './kernel/parallel.js';
import { runProcess } from './kernel/process.js';
import { runRepeat } from './kernel/repeat.js';
import { runSequence } from './kernel/sequence.js';
import { runWait } from './kernel/wait.js';
import { completed, failure, forTemplate, visible, type Outcome } from './scope.js';
import { sleep } from './sleep.js';
import { Interrupted } from './stop.js';
import { renderDeep } from './template.js';

const GROUPS: ReadonlySet<Step['kind']> = new Set([
  'sequence',
  'parallel',
  'map',
  'branch',
  'repeat',
  'attempt',
  'call',
]);

const runKind = (call: Call<Step>): Promise<Outcome> => {
  const { step } = call;
  switch (step.kind) {
    case 'agent':
    case 'shell':
      return runProcess({ ...call, step });
    case 'sequence':
      return runSequence({ ...call, step });
    case 'parallel':
      return runParallel({ ...call, step });
    case 'map':
      return runMap({ ...call, step });
    case 'branch':
      return runBranch({ ...call, step });
    case 'repeat':
      return runRepeat({ ...call, step });
    case 'wait':
      return runWait({ ...call, step });
    case 'attempt':
      return runAttempt({ ...call, step });
    case 'call':
      return runCall({ ...call, step });
    case 'emit':
      return runEmit({ ...call, step });
    case 'http':
      return runHttp({ ...call, step });
    case 'notify':
      return runNotify({ ...call, step });
    case 'code':
      return runCode({ ...call, step });
  }
};

/** An error of the handler itself is a failure of the step. */
const guarded = async (call: Call<Step>): Promise<Outcome> => {
  try {
    return await runKind(call);
  } catch (error) {
    if (error instanceof Interrupted || (error instanceof ConductorError && error.code === 'storage')) throw error;
    const { exit, message } = toConductorError(error);
    return failure(exit, message);
  }
};

/** Whose own time limit is an attempt's, or a wait's, or a request's. */
const limitsItself = (step: Step): boolean =>
  step.kind === 'agent' || step.kind === 'shell' || step.kind === 'wait' || step.kind === 'http';

/** Ends the step and all below when its time is over; the moment is remembered. */
const withTimeout = (call: Call<Step>): Promise<Outcome> =>
  call.step.timeout === undefined || limitsItself(call.step) || call.frame.replay
    ? guarded(call)
    : untilTimeout(call, call.step.timeout);

const untilTimeout = async (call: Call<Step>, timeout: number): Promise<Outcome> => {
  const { context, path, frame } = call;
  const started = context.activation.started.get(path);
  const until = started?.until ?? new Date(context.ports.clock.now() + timeout).toISOString();
  if (started?.until === undefined && !started)
    context.journal.defer(
      context.fact(
        'STEP_STARTED',
        { activation: context.id, step: path, kind: 'deadline', until },
        `step ${path} ends at ${until} at the latest`,
      ),
    );
  const own = frame.stop.child();
  const over = own.child();
  const leave = context.rest.limit(Date.parse(until));
  void context.wakes
    .wait([], () => undefined, Date.parse(until), [over])
    .then(() => own.say('timeout'))
    .catch(() => undefined);
  try {
    return await guarded({ ...call, frame: { ...frame, stop: own } });
  } catch (error) {
    if (!(error instanceof Interrupted) || error.by !== own) throw error;
    return failure(1, `timeout: it did not end within ${timeout / 1_000} s`);
  } finally {
    leave();
    over.say('ended');
    over.close();
    own.close();
  }
};

/** Tries of anything but a process, whose attempts are the runner's: each try has a path of its own. */
const withRetry = (call: Call<Step>): Promise<Outcome> => {
  const { retry, kind } = call.step;
  return !retry || kind === 'agent' || kind === 'shell' ? withTimeout(call) : tryAgain(call, retry);
};

const tryAgain = async (call: Call<Step>, retry: Retry): Promise<Outcome> => {
  const { context, path } = call;
  for (let attempt = 1; ; attempt++) {
    const outcome = await withTimeout({ ...call, path: attempt === 1 ? path : `${path}~${attempt}` });
    const again = outcome.status === 'failed' && retry.on.includes(outcome.class ?? 'transient');
    if (!again || attempt >= retry.attempts) return { ...outcome, attempts: attempt };
    const delay = backoffDelay(attempt, { base_ms: retry.base, cap_ms: retry.cap }, context.ports.random());
    await sleep(call, `${path}~${attempt}.delay`, delay);
  }
};

const withCache = (call: Call<Step>): Promise<Outcome> =>
  call.step.cache && !call.frame.replay ? orKept(call, call.step.cache) : withRetry(call);

const orKept = async (call: Call<Step>, cache: Cache): Promise<Outcome> => {
  const { context, step, frame } = call;
  const { id: _id, name: _name, cache: _cache, ...rest } = step;
  const given = renderDeep(
    [cache.key, 'prompt' in step ? step.prompt : '', 'env' in step ? step.env : {}],
    forTemplate(frame.variables),
    '',
  );
  const cwd = folderOf(context, frame);
  const key = await context.cache.key([rest, given], cache, cwd);
  const kept = await context.cache.get(key, cache.ttl);
  if (kept) {
    const { output, data, run_id } = kept;
    return { ...completed(output, data), attempts: 0, cached: run_id ?? key, ...(run_id ? { run_id } : {}) };
  }
  const outcome = await withRetry(call);
  if (outcome.status === 'completed')
    await context.cache.put(key, outcome).catch((error: unknown) => {
      context.ports.log.warn(`pipeline: step ${call.path} is not kept for later: ${toConductorError(error).message}`);
    });
  return outcome;
};

const bodyOf = (path: string, outcome: Outcome): string =>
  outcome.status === 'failed'
    ? `ERROR: step ${path} failed: ${outcome.error ?? ''}`
    : outcome.cached === undefined
      ? `step ${path} ${outcome.status}${outcome.worktree === undefined ? '' : `; its work is in ${outcome.worktree}`}`
      : `step ${path} ${outcome.status}: taken from the cache (${outcome.cached})`;

/** A bare sequence is what its steps are; a group's own output can be made again of theirs. */
const record = (context: Context, step: Step, path: string, outcome: Outcome): void => {
  if (
    step.kind === 'sequence' &&
    step.id === undefined &&
    step.on_error === 'fail' &&
    !step.retry &&
    !step.timeout &&
    !step.isolate
  )
    return;
  const { output, data, ...small } = outcome;
  const kept =
    GROUPS.has(step.kind) && !step.cache
      ? { ...small, output: '' }
      : { ...small, output, ...(data === undefined ? {} : { data }) };
  const tolerated = outcome.status === 'failed' && step.on_error === 'continue' ? { tolerated: true } : {};
  context.journal.defer(
    context.fact('STEP_FINISHED', { activation: context.id, step: path, ...kept, ...tolerated }, bodyOf(path, outcome)),
  );
};

/** A step that has finished is looked up, and a group that has finished is put together again from what is below it. */
const lookUp = async (call: Call<Step>, result: StepResult): Promise<Outcome> => {
  const { step, frame } = call;
  // A failure is handed on to the groups above, which are steps of their own.
  const { activation: _activation, step: _step, ...done } = result;
  if (step.kind === 'wait' && step.for.kind === 'barrier' && done.status === 'completed')
    frame.barriers?.passed(step.for.name);
  if (!GROUPS.has(step.kind) || done.status === 'skipped' || done.cached !== undefined) return done;
  const again = await withRetry({ ...call, frame: { ...frame, replay: true } });
  const { output: _output, data: _data, ...kept } = done;
  return { ...again, ...kept };
};

const NOT_RUN: Outcome = failure(1, 'it was stopped before it ended');

export const runStep = async (context: Context, step: Step, path: string, frame: Frame): Promise<Outcome> => {
  const call: Call<Step> = { context, step, path, frame };
  const done = context.activation.steps.get(path);
  let outcome: Outcome;
  if (done) {
    outcome = await lookUp(call, done);
  } else if (frame.replay && !GROUPS.has(step.kind)) {
    outcome = NOT_RUN;
  } else {
    frame.stop.check();
    outcome = await decide(call);
    if (!frame.replay) record(context, step, path, outcome);
  }
  if (step.id !== undefined) frame.variables.steps[step.id] = visible(outcome);
  if (!done) context.progress(path, outcome);
  return outcome;
};

const decide = async (call: Call<Step>): Promise<Outcome> => {
  const { when } = call.step;
  try {
    if (when !== undefined && !holds(when, call.frame.variables))
      return { status: 'skipped', attempts: 0, output: '', exit: 0 };
    return await isolated(call, withCache);
  } catch (error) {
    if (error instanceof Interrupted || (error instanceof ConductorError && error.code === 'storage')) throw error;
    const { exit, message } = toConductorError(error);
    return failure(exit, message);
  }
};

/** One after the other: the last one's result, or the first failure that is not tolerated, whose error names its step. */
export const runAll = async (
  context: Context,
  steps: readonly Step[],
  prefix: string,
  frame: Frame,
): Promise<Outcome> => {
  let last: Outcome = completed();
  for (const [index, step] of steps.entries()) {
    const path = `${prefix}${step.id ?? index}`;
    const outcome = await context.run(step, path, frame);
    if (outcome.status === 'failed' && step.on_error === 'fail') {
      return { ...outcome, ...failureOf(step, path, outcome) };
    }
    if (outcome.status !== 'skipped') last = outcome;
  }
  return last.status === 'failed' ? completed(last.output, last.data) : last;
};
