import { readFileSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Observable } from 'rxjs';
import { MAX_DEPTH } from '../core/depth.js';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { AttemptSpec, Clock, Runner, Runs, Slots } from '../core/ports.js';
import { NOT_ENDED, type AgentEvent, type FailureClass, type RunEnd, type RunInfo } from '../core/run.js';
import type { RunnableAgents } from './agents.js';
import { buildEnvironment } from './environment.js';
import { becomeOwner } from './owner-lock.js';
import { bootId, inspect, isAlive, variableOf } from './processes.js';
import { rawFolder, type RawFolder } from './raw-folder.js';
import { settleOutput, withoutReport } from './report.js';
import { startShim } from './shim.js';
import { supervise, untilGone } from './supervise.js';
import { endTree, type Mark } from './sweep.js';

export interface RunnerOptions {
  rootPath: string;
  runs: Runs;
  agents: RunnableAgents;
  clock: Clock;
  /** Ours; only what is allowed by name reaches an agent. */
  environment: NodeJS.ProcessEnv;
  /** Where our own commands are; put first on the agent's PATH. */
  binFolder?: string;
  slots?: Slots;
  /** Takes secrets out of what an agent said. */
  redact?: (text: string) => string;
}

type Emit = (event: AgentEvent) => void;

/** One run of this process: how to end it at whatever point it is. */
interface Live {
  abort: AbortController;
  reason: string | undefined;
  mark: Mark | undefined;
  done: Promise<void>;
}

const FAILED_EXIT: Record<FailureClass, 1 | 2 | 3> = { transient: 1, permanent: 2, configuration: 3 };

const quoteWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

export const createRunner = (options: RunnerOptions): Runner => {
  const { runs, agents, clock } = options;
  const rootPath = resolve(options.rootPath);
  const redact = options.redact ?? ((text: string): string => text);
  const live = new Map<string, Live>();

  /** Another run lives if it is at work, or if its info says so: one that waits for a slot has no raw folder yet. */
  const isLivingRun = (run_id: string, pid: number): boolean => {
    if (!/^[\w.-]+$/.test(run_id)) return false;
    if (rawFolder(rootPath, run_id).exists()) return true;
    try {
      const scope = {
        project_id: variableOf(pid, 'PROJECT_ID') ?? '',
        task_id: variableOf(pid, 'TASK_ID') ?? '',
        run_id,
      };
      return /^status: running$/m.test(readFileSync(join(runs.folder(scope), 'run-info.yaml'), 'utf8'));
    } catch {
      return false;
    }
  };

  const markOf = (run_id: string, pid: number, pid_start: number | undefined): Mark => ({
    run_id,
    pid,
    pid_start,
    isLivingRun,
  });

  const describe = (spec: AttemptSpec, commandline: string): RunInfo => {
    const folder = runs.folder(spec);
    return {
      version: 1,
      run_id: spec.run_id,
      ...(spec.parent_run_id === undefined ? {} : { parent_run_id: spec.parent_run_id }),
      ...(spec.previous_run_id === undefined ? {} : { previous_run_id: spec.previous_run_id }),
      project_id: spec.project_id,
      task_id: spec.task_id,
      agent: spec.agent,
      process_ownership: 'managed',
      pid: -1,
      pgid: -1,
      start_time: new Date(clock.now()).toISOString(),
      end_time: NOT_ENDED,
      exit_code: -1,
      status: 'running',
      cwd: spec.cwd,
      prompt_path: join(folder, 'prompt.md'),
      output_path: join(folder, 'output.md'),
      stdout_path: join(folder, 'agent-stdout.txt'),
      stderr_path: join(folder, 'agent-stderr.txt'),
      commandline,
      depth: spec.depth,
      trust: spec.trust,
      attempt: spec.attempt,
      ...(spec.activation === undefined ? {} : { activation: spec.activation }),
      ...(spec.step === undefined ? {} : { step: spec.step }),
      timeout_ms: spec.timeout_ms,
    };
  };

  /** The end of a run that has no process: the same files as any other's. */
  const endWithout = async (info: RunInfo, kind: FailureClass, reason: string, message: string): Promise<RunEnd> => {
    const ended = clock.now();
    const duration_ms = Math.max(0, ended - Date.parse(info.start_time));
    const end_time = new Date(ended).toISOString();
    const error_summary = redact(message);
    let output = '';
    try {
      for (const path of [info.stdout_path, info.stderr_path]) await (await open(path, 'a')).close();
      output = await settleOutput(info, undefined, {
        info,
        duration_ms,
        ended: end_time,
        class: kind,
        message: error_summary,
        exit_code: -1,
        stderr: '',
      });
      await runs.update({ ...info, error_summary, end_time, exit_code: FAILED_EXIT[kind], status: 'failed' });
    } catch {
      // The disk is what failed: the answer is all that we can still give.
    }
    return {
      kind: 'end',
      run_id: info.run_id,
      status: 'failed',
      exit: FAILED_EXIT[kind],
      class: kind,
      exit_code: -1,
      reason,
      output,
      stderr: '',
      error_summary,
      duration_ms,
    };
  };

  const neverStarted = (info: RunInfo, error: unknown): Promise<RunEnd> => {
    const known = toConductorError(error);
    const kind: FailureClass = known.exit === 3 ? 'configuration' : known.exit === 2 ? 'permanent' : 'transient';
    const reason = known.code === 'stopped' ? known.message : 'never_started';
    return endWithout(info, kind, reason, known.message);
  };

  const checkFolder = async (cwd: string): Promise<void> => {
    const found = await stat(cwd).catch(() => undefined);
    if (!found?.isDirectory())
      throw new ConductorError('configuration', `the working directory ${cwd} is not a folder`);
  };

  /** Everything before the process: it either starts, or says why not. */
  const start = async (spec: AttemptSpec, info: RunInfo, raw: RawFolder, slotFd: number | undefined) => {
    const agent = agents.find(spec.agent);
    await checkFolder(spec.cwd);
    const {
      argv,
      stdin,
      env: extra = {},
      script,
    } = agent.kind.launch({
      spec,
      config: agent.config,
      program: agent.argv,
      scriptPath: raw.script,
      asRoot: process.getuid?.() === 0,
    });
    const env = buildEnvironment({
      spec,
      kind: agent.kind,
      config: agent.config,
      environment: options.environment,
      extra,
      rootPath,
      binFolder: options.binFolder,
      runFolder: runs.folder(spec),
      outputPath: info.output_path,
      taskFolder: runs.folder({ project_id: spec.project_id, task_id: spec.task_id }),
    });
    const family = agent.kind.family;
    await raw.prepare({
      stdin,
      script,
      note: { backend: agent.backend, boot_id: bootId(), ...(family ? { family } : {}) },
    });
    // Before the process is there: an adopter must never see a living run without an owner that it has.
    const disown = await becomeOwner(raw.owner, new AbortController().signal);
    const shim = await startShim({ raw, argv, cwd: spec.cwd, env, slotFd });
    return { ...shim, argv, family, disown };
  };

  const launch = async (spec: AttemptSpec, emit: Emit, mine: Live): Promise<RunEnd> => {
    const blank = describe(spec, '');
    const raw = rawFolder(rootPath, spec.run_id);
    if ((await runs.find(spec)) === undefined) await runs.create(blank, spec.prompt);
    else await runs.update(blank);
    let slot: Awaited<ReturnType<Slots['acquire']>> | undefined;
    let started: Awaited<ReturnType<typeof start>>;
    let info = blank;
    try {
      if (spec.depth >= MAX_DEPTH)
        throw new ConductorError(
          'too_deep',
          `depth ${spec.depth} is too deep: nothing starts at ${MAX_DEPTH} or deeper`,
        );
      // Said before the wait: a missing program is no reason to stand in a queue.
      agents.find(spec.agent);
      slot = await options.slots?.acquire(mine.abort.signal);
      if (mine.abort.signal.aborted) throw new ConductorError('stopped', mine.reason ?? 'stopped');
      // The time limit begins here, not in the queue.
      info = { ...blank, start_time: new Date(clock.now()).toISOString() };
      started = await start(spec, info, raw, slot?.fd);
    } catch (error) {
      await slot?.release();
      await raw.remove();
      return neverStarted(
        info,
        mine.abort.signal.aborted ? new ConductorError('stopped', mine.reason ?? 'stopped') : error,
      );
    }
    const { pid, start: pid_start, family } = started;
    mine.mark = markOf(spec.run_id, pid, pid_start);
    try {
      // The shim has its own copy by now and keeps the slot; ours goes when the run has ended.
      info = {
        ...info,
        pid,
        pgid: pid,
        commandline: redact(started.argv.map(quoteWord).join(' ')),
        ...(pid_start === undefined ? {} : { pid_start }),
      };
      const written = runs.update(info);
      if (mine.reason !== undefined) void raw.wantStop(mine.reason).then(() => mine.mark && endTree(mine.mark));
      await written;
      return await supervise({ clock, runs, redact, info, raw, family, mark: mine.mark, ended: started.ended, emit });
    } catch (error) {
      // We can no longer follow it, so it must not go on unseen.
      await endTree(mine.mark);
      await raw.remove().catch(() => undefined);
      return endWithout(info, 'transient', 'lost', toConductorError(error).message);
    } finally {
      await started.disown?.();
      await slot?.release();
    }
  };

  /** What run-info.yaml says of a run that has ended already. */
  const remember = async (info: RunInfo): Promise<RunEnd> => {
    const failed = info.status !== 'completed';
    const exit = failed ? (([1, 2, 3] as const).find((code) => code === info.exit_code) ?? 1) : 0;
    const kind = (['transient', 'permanent', 'configuration'] as const)[exit - 1];
    const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
    return {
      kind: 'end',
      run_id: info.run_id,
      status: failed ? 'failed' : 'completed',
      exit,
      ...(kind ? { class: kind } : {}),
      exit_code: failed ? -1 : 0,
      output: failed ? withoutReport(await read(info.output_path)) : await read(info.output_path),
      stderr: (await read(info.stderr_path)).slice(-8 * 1024),
      ...(info.signal === undefined ? {} : { signal: info.signal }),
      ...(info.error_summary === undefined ? {} : { error_summary: info.error_summary }),
      ...(info.session_id === undefined ? {} : { session_id: info.session_id }),
      ...(info.model === undefined ? {} : { model: info.model }),
      ...(info.usage === undefined ? {} : { usage: info.usage }),
      ...(info.cost_usd === undefined ? {} : { cost_usd: info.cost_usd }),
      duration_ms: Math.max(0, Date.parse(info.end_time) - Date.parse(info.start_time)),
    };
  };

  /** The owner may have died between the start and the note of the pid: the shim wrote its own. */
  const identify = async (info: RunInfo, raw: RawFolder): Promise<RunInfo> => {
    if (info.pid > 0) return info;
    const pid = await raw.pid();
    if (pid === undefined || variableOf(pid, 'RUN_ID') !== info.run_id) return info;
    const pid_start = inspect(pid)?.start;
    return { ...info, pid, pgid: pid, ...(pid_start === undefined ? {} : { pid_start }) };
  };

  const takeOver = async (given: RunInfo, emit: Emit, mine: Live): Promise<RunEnd> => {
    const raw = rawFolder(rootPath, given.run_id);
    const disown = raw.exists() ? await becomeOwner(raw.owner, mine.abort.signal) : undefined;
    try {
      const latest = (await runs.find(given)) ?? given;
      if (latest.status !== 'running') {
        await raw.remove();
        return await remember(latest);
      }
      if (mine.abort.signal.aborted && !disown)
        return await endWithout(latest, 'transient', mine.reason ?? 'stopped', 'stopped while another process had it');
      if (!disown)
        return await endWithout(
          latest,
          'transient',
          latest.pid > 0 ? 'lost' : 'never_started',
          'whoever started it died before it began',
        );
      const note = await raw.note();
      const info = await identify(latest, raw);
      const sameBoot = note?.boot_id === bootId();
      // After a boot the pid, and any session of that number, is somebody else's.
      const pid = sameBoot ? info.pid : -1;
      mine.mark = markOf(info.run_id, pid, info.pid_start);
      if (mine.reason !== undefined) void raw.wantStop(mine.reason).then(() => mine.mark && endTree(mine.mark));
      const ended = isAlive(pid, info.pid_start) ? untilGone(pid, info.pid_start) : Promise.resolve();
      return await supervise({ clock, runs, redact, info, raw, family: note?.family, mark: mine.mark, ended, emit });
    } catch (error) {
      return endWithout(given, 'transient', 'lost', toConductorError(error).message);
    } finally {
      await disown?.();
    }
  };

  const end = async (mine: Live, raw: RawFolder, reason: string): Promise<void> => {
    mine.reason ??= reason;
    if (mine.mark) await raw.wantStop(mine.reason);
    mine.abort.abort();
    if (mine.mark) await endTree(mine.mark);
    await mine.done;
  };

  const observe = (run_id: string, work: (emit: Emit, mine: Live) => Promise<RunEnd>) =>
    new Observable<AgentEvent | RunEnd>((subscriber) => {
      let settled = (): void => undefined;
      const done = new Promise<void>((resolve) => (settled = resolve));
      const mine: Live = { abort: new AbortController(), reason: undefined, mark: undefined, done };
      live.set(run_id, mine);
      let finished = false;
      const finish = (): void => {
        finished = true;
        if (live.get(run_id) === mine) live.delete(run_id);
        settled();
      };
      work((event) => subscriber.next(event), mine).then(
        (last) => {
          finish();
          subscriber.next(last);
          subscriber.complete();
        },
        (error: unknown) => {
          finish();
          // Only when even the run's folder could not be made.
          const { message, exit } = toConductorError(error);
          const kind = (['transient', 'permanent', 'configuration'] as const)[exit - 1] ?? 'transient';
          subscriber.next({
            kind: 'end',
            run_id,
            status: 'failed',
            exit,
            class: kind,
            exit_code: -1,
            reason: 'never_started',
            output: '',
            stderr: '',
            error_summary: message,
            duration_ms: 0,
          });
          subscriber.complete();
        },
      );
      return () => {
        if (!finished) void end(mine, rawFolder(rootPath, run_id), 'stopped: nobody waits for it');
      };
    });

  return {
    attempt: (spec) => observe(spec.run_id, (emit, mine) => launch(spec, emit, mine)),
    adopt: (run) => observe(run.run_id, (emit, mine) => takeOver(run, emit, mine)),
    async stop(run, why) {
      const reason = why === 'timeout' || why.startsWith('stopped') ? why : `stopped: ${why}`;
      const raw = rawFolder(rootPath, run.run_id);
      const mine = live.get(run.run_id);
      if (mine) return end(mine, raw, reason);
      // Somebody else's: it hears from the folder why its run ended.
      const latest = await identify((await runs.find(run)) ?? run, raw);
      const note = await raw.note();
      if (note && note.boot_id !== bootId()) return;
      await raw.wantStop(reason);
      await endTree(markOf(latest.run_id, latest.pid, latest.pid_start));
    },
  };
};
