import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { take, type Observable } from 'rxjs';
import { compileCondition } from '../core/condition.js';
import { toConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { AgentStep, EmitStep, Handler, ShellStep, Step } from '../core/handler.js';
import type { Activation, StepResult } from '../core/ledger-view.js';
import type { Agents, Bus, Ledger } from '../core/ports.js';
import { render } from './template.js';
import { runAttempts, type AttemptPorts } from './run-attempts.js';

export interface PipelinePorts extends AttemptPorts {
  bus: Bus;
  ledger: Ledger;
  agents: Agents;
  /** Of random letters: fences data in prompts. */
  nonce(): string;
  defaults: { timeout_ms: number; cwd: string };
  /** The folder a repository or a trusted path of the event means; undefined: none. */
  folderFor(event: Event): string | undefined;
  /** Told to shell steps; no secrets. */
  environmentFor(event: Event): Readonly<Record<string, string>>;
}

const MAX_OUTPUT = 24 * 1024;
const cut = (text: string): string =>
  text.length > MAX_OUTPUT ? `${text.slice(0, MAX_OUTPUT / 2)}\n…\n${text.slice(-MAX_OUTPUT / 2)}` : text;

type Variables = { event: Event; steps: Record<string, unknown>; with: Record<string, unknown> };

/** Runs a handler's tree for one activation: finished steps of the ledger are not run again. */
export const execute = async (
  ports: PipelinePorts,
  handler: Handler,
  activation: Activation,
  event: Event,
  stop$: Observable<unknown>,
): Promise<{ status: 'completed' | 'failed' | 'stopped'; exit: 0 | 1 | 2 | 3; error?: string }> => {
  let stopped = false;
  const stopping = stop$.pipe(take(1)).subscribe({
    next: () => {
      stopped = true;
    },
    error: () => {
      stopped = true;
    },
  });
  const steps: Record<string, unknown> = {};
  const variables: Variables = { event, steps, with: activation.with ?? {} };
  const relation = {
    project_id: activation.project_id,
    task_id: activation.task_id,
    trust: activation.trust,
    depth: activation.depth,
    parents: [
      { msg_id: activation.event, kind: 'caused_by' },
      { msg_id: activation.root, kind: 'root' },
    ],
  };

  const finish = async (
    path: string,
    step: Step,
    result: Omit<StepResult, 'activation' | 'step'>,
  ): Promise<StepResult> => {
    const full: StepResult = { activation: activation.activation, step: path, ...result };
    await ports.ledger.record([
      {
        ...relation,
        type: 'STEP_FINISHED',
        source: 'pipeline',
        data: { ...full },
        body:
          full.status === 'failed' ? `ERROR: step ${path} failed: ${full.error ?? ''}` : `step ${path} ${full.status}`,
      },
    ]);
    return full;
  };

  const runProcess = async (
    path: string,
    step: AgentStep | ShellStep,
  ): Promise<Omit<StepResult, 'activation' | 'step'>> => {
    const beside = (file: string): string => resolve(dirname(handler.file), file);
    let agent = 'shell';
    let prompt: string;
    let stdin: string | undefined;
    const payload = JSON.stringify({ event, steps, with: variables.with });
    if ('agent' in step) {
      agent = ports.agents.choose([step.agent].flat()).name;
      const template =
        step.prompt_file === undefined ? (step.prompt ?? '') : await readFile(beside(step.prompt_file), 'utf8');
      prompt = render(template, variables, ports.nonce());
      if (agent === 'shell' && step.fallback_script !== undefined) {
        prompt = await readFile(beside(step.fallback_script), 'utf8');
        stdin = payload;
      }
    } else {
      prompt = step.script === undefined ? (step.shell ?? '') : await readFile(beside(step.script), 'utf8');
      stdin = payload;
    }
    const cwd =
      step.cwd === undefined
        ? (ports.folderFor(event) ?? ports.defaults.cwd)
        : render(step.cwd, variables, ports.nonce());
    const retry = step.retry ?? { attempts: 1, base: 1_000, cap: 30_000 };
    const { end, attempts } = await runAttempts(
      ports,
      {
        project_id: activation.project_id,
        task_id: activation.task_id,
        agent,
        prompt,
        ...(stdin === undefined ? {} : { stdin }),
        cwd,
        env: { ...ports.environmentFor(event), EVENT_TYPE: event.type, EVENT_MSG_ID: event.msg_id, STEP_ID: path },
        timeout_ms: step.timeout ?? ports.defaults.timeout_ms,
        depth: activation.depth,
        trust: activation.trust,
        activation: activation.activation,
        step: path,
        root: activation.root,
        cause: activation.event,
        retry: { attempts: retry.attempts, base_ms: retry.base, cap_ms: retry.cap },
      },
      stop$,
    );
    let data: unknown;
    let error = end.status === 'completed' ? undefined : (end.error_summary ?? end.reason ?? `exit ${end.exit_code}`);
    if (step.output === 'json') {
      try {
        data = JSON.parse(end.output);
      } catch {
        error ??= 'the output is not JSON';
      }
    }
    return {
      status: error === undefined ? 'completed' : 'failed',
      attempts,
      output: cut(end.output),
      ...(error === undefined || end.stderr === '' ? {} : { stderr: end.stderr }),
      ...(data === undefined ? {} : { data }),
      run_id: end.run_id,
      exit: error === undefined ? 0 : end.exit === 0 ? 2 : end.exit,
      ...(end.class ? { class: end.class } : {}),
      ...(error === undefined ? {} : { error: end.reason === 'timeout' ? `timeout: ${error}` : error }),
    };
  };

  const runEmit = async (path: string, step: EmitStep): Promise<Omit<StepResult, 'activation' | 'step'>> => {
    const nonce = ports.nonce();
    const renderDeep = (value: unknown): unknown =>
      typeof value === 'string'
        ? render(value, variables, nonce)
        : Array.isArray(value)
          ? value.map(renderDeep)
          : value !== null && typeof value === 'object'
            ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, renderDeep(inner)]))
            : value;
    const spread =
      step.emit.data_from === undefined
        ? {}
        : ((steps[step.emit.data_from] as { data?: unknown } | undefined)?.data ?? {});
    const [receipt] = await ports.bus.append([
      {
        ...relation,
        type: step.emit.type,
        source: `handler:${handler.name}`,
        data: {
          ...(renderDeep(step.emit.data ?? {}) as Record<string, unknown>),
          ...(spread as Record<string, unknown>),
        },
        body: step.emit.body === undefined ? '' : render(step.emit.body, variables, nonce),
        dedupe_key: `emit:${activation.activation}/${path}`,
      },
    ]);
    return { status: 'completed', attempts: 1, output: receipt!.msg_id, exit: 0 };
  };

  const remember = (path: string, step: Step, result: StepResult): void => {
    steps[step.id ?? path] = {
      ok: result.status === 'completed',
      status: result.status,
      output: result.output,
      stderr: result.stderr ?? '',
      error: result.error ?? '',
      exit: result.exit,
      run_id: result.run_id ?? '',
      data: result.data ?? {},
    };
  };

  /** The first failure that was not asked to be continued; undefined when all went well. */
  const runAll = async (list: readonly Step[], path: string): Promise<StepResult | undefined> => {
    for (const [index, step] of list.entries()) {
      const failure = await runStep(step, `${path}${step.id ?? index}`);
      if (failure) return failure;
      if (stopped) return undefined;
    }
    return undefined;
  };

  const runGroup = async (step: Step, path: string): Promise<StepResult | undefined> => {
    if ('sequence' in step) return runAll(step.sequence, `${path}.`);
    if ('attempt' in step) {
      const failure = await runAll(step.attempt.try, `${path}.`);
      if (!failure) return undefined;
      await runAll(step.attempt.compensate, `${path}.compensate.`);
      return failure;
    }
    if (!('parallel' in step)) return undefined;
    const failures: StepResult[] = [];
    const waiting = [...step.parallel.steps.entries()];
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next && !stopped; next = waiting.shift()) {
        const failure = await runStep(next[1], `${path}.${next[1].id ?? next[0]}`);
        if (failure) failures.push(failure);
      }
    };
    await Promise.all(Array.from({ length: Math.min(step.parallel.max_concurrent, waiting.length) }, lane));
    return failures[0];
  };

  const runStep = async (step: Step, path: string): Promise<StepResult | undefined> => {
    const done = activation.steps.get(path);
    let result: StepResult;
    if (done) {
      result = done;
    } else {
      try {
        if (step.when !== undefined && !compileCondition(step.when, ['event', 'steps', 'with'])(variables)) {
          result = await finish(path, step, { status: 'skipped', attempts: 0, output: '', exit: 0 });
        } else if ('sequence' in step || 'parallel' in step || 'attempt' in step) {
          const failure = await runGroup(step, path);
          return failure && step.on_error === 'fail' ? failure : undefined;
        } else {
          const outcome = 'emit' in step ? await runEmit(path, step) : await runProcess(path, step);
          if (stopped && outcome.status === 'failed') return undefined;
          result = await finish(path, step, outcome);
        }
      } catch (error) {
        const failure = toConductorError(error);
        result = await finish(path, step, {
          status: 'failed',
          attempts: 1,
          output: '',
          exit: failure.exit,
          error: failure.message,
        });
      }
    }
    remember(path, step, result);
    return result.status === 'failed' && step.on_error === 'fail' ? result : undefined;
  };

  try {
    const failure = await runAll(handler.steps, '');
    if (stopped) return { status: 'stopped', exit: 1 };
    return failure
      ? { status: 'failed', exit: failure.exit, error: `step ${failure.step}: ${failure.error ?? ''}` }
      : { status: 'completed', exit: 0 };
  } finally {
    stopping.unsubscribe();
  }
};
