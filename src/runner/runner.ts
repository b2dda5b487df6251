import { resolve } from 'node:path';
import { Observable } from 'rxjs';
import { MAX_DEPTH } from '../core/depth.js';
import { ConductorError } from '../core/errors.js';
import type { AttemptSpec, Clock, Runner, RunScope, Slot, Slots } from '../core/ports.js';
import type { AgentEvent, RunEnd, RunInfo } from '../core/run.js';
import { admit } from './admit.js';
import { adoptRun, type Taken } from './adopt.js';
import { createBudgets, type BudgetPorts } from './budgets.js';
import { groupsRemoved } from './cgroup.js';
import { commandline, describeRun } from './describe.js';
import { endWithout, failedEnd, lose, neverStarted, rememberEnded } from './ends.js';
import { launch, type LaunchPorts } from './launch.js';
import { becomeOwner, isOwned } from './owner-lock.js';
import { birthsNow, type Births } from './processes.js';
import { rawFolder } from './raw-folder.js';
import { withoutTicket } from './redact.js';
import { createShims, type ShimsOptions } from './shims.js';
import { stopForeign } from './stop.js';
import { supervise } from './supervise.js';
import type { Mark } from './sweep.js';
import { createTrees } from './trees.js';
import { createTurns } from './turns.js';

export interface RunnerOptions extends Omit<LaunchPorts, 'shims'>, ShimsOptions {
  clock: Clock;
  slots?: Slots;
  budgets?: BudgetPorts['budgets'];
  /** Takes secrets out of what an agent said. */
  redact?: (text: string) => string;
  /** The file of the thread that sweeps; without it the main loop does. */
  sweepWorker?: string;
}

type Emit = (event: AgentEvent) => void;

/** One run of this process: how to end it at whatever point it is. */
interface Live extends Taken {
  done: Promise<void>;
}

const reasonOf = (why: string): string => (why.startsWith('stopped') ? why : `stopped: ${why}`);

export const createRunner = (options: RunnerOptions): Runner => {
  const { runs, clock } = options;
  const rootPath = resolve(options.rootPath);
  const redact = options.redact ?? ((text: string): string => text);
  const shims = createShims(options);
  const trees = createTrees(options.sweepWorker);
  const budgets = createBudgets({ ...options, rootPath });
  const turn = createTurns();
  const shared = { ...options, rootPath, redact, shims, trees, budgets, turn };
  const live = new Map<string, Live>();

  const stopChild = (run_id: string, reason: string): void => {
    const mine = live.get(run_id);
    void (mine ? end(mine, run_id, reason) : stopForeign(shared, { run_id }, reason));
  };

  const redactorOf = (run: RunScope) => withoutTicket(redact, options.ticketOf?.(run));

  const attempt = async (spec: AttemptSpec, emit: Emit, mine: Live): Promise<RunEnd> => {
    const ports = { ...shared, redact: redactorOf(spec) };
    const raw = rawFolder(rootPath, spec.run_id);
    await turn();
    // Before anything of the run is there to be seen: an adopter must never find a living run without an owner.
    let disown: Awaited<ReturnType<typeof becomeOwner>>;
    do {
      raw.make();
      disown = await becomeOwner(raw.owner, mine.abort.signal);
    } while (disown === undefined && !mine.abort.signal.aborted);
    const stopped = (): string | undefined => mine.reason ?? raw.stopReason();
    let slot: Slot | undefined;
    let info = describeRun(ports, spec);
    try {
      const known = await runs.find(spec);
      // Whoever found it without an owner has said that it never started.
      if (known && known.status !== 'running') return await rememberEnded(ports, known);
      if (known === undefined) await runs.create(info, ports.redact(spec.prompt));
      if (spec.parent_run_id !== undefined)
        rawFolder(rootPath, spec.parent_run_id).childBegan(spec.run_id, clock.now());
      if (spec.depth >= MAX_DEPTH)
        throw new ConductorError(
          'too_deep',
          `depth ${spec.depth} is too deep: nothing starts at ${MAX_DEPTH} or deeper`,
        );
      const admitted = await admit(ports, spec, mine.abort.signal, stopped, emit);
      slot = admitted.slot;
      await turn();
      // The time limit begins here, not in the queue.
      info = { ...info, start_time: new Date(clock.now()).toISOString() };
      const since = birthsNow();
      const started = await launch(ports, { ...spec, limits: admitted.limits }, info, raw, slot);
      return await follow(ports, { ...started, since }, info, emit, mine, () => void slot?.release());
    } catch (error) {
      const why = stopped() ?? (mine.abort.signal.aborted ? 'stopped' : undefined);
      return await endWithout(
        ports,
        info,
        neverStarted(why === undefined ? error : new ConductorError('stopped', why)),
      );
    } finally {
      disown?.();
      await slot?.release();
    }
  };

  const follow = async (
    ports: typeof shared,
    started: Awaited<ReturnType<typeof launch>> & { since: Births | undefined },
    blank: RunInfo,
    emit: Emit,
    mine: Live,
    gone: () => void,
  ): Promise<RunEnd> => {
    const raw = rawFolder(rootPath, blank.run_id);
    const { pid, start: pid_start, family, limits, cgroup, since, before, price, ended } = started;
    const { redact } = ports;
    const mark: Mark = { rootPath, run_id: blank.run_id, pid, pid_start, cgroup, since };
    mine.mark = mark;
    const info: RunInfo = {
      ...blank,
      pid,
      pgid: pid,
      commandline: redact(commandline(started.argv)),
      ...(pid_start === undefined ? {} : { pid_start }),
    };
    try {
      const written = runs.update(info);
      if (mine.reason !== undefined) {
        raw.wantStop(mine.reason);
        void trees.end(mark);
      }
      await written;
      return await supervise({
        clock,
        runs,
        redact,
        info,
        raw,
        family,
        limits,
        before,
        price,
        budgets,
        mark,
        trees,
        ended,
        turn,
        emit,
        gone,
        stopChild,
      });
    } catch (error) {
      return lose(ports, mark, info, error);
    }
  };

  const end = async (mine: Live, run_id: string, reason: string): Promise<void> => {
    mine.reason ??= reason;
    if (mine.mark) rawFolder(rootPath, run_id).wantStop(mine.reason);
    mine.abort.abort();
    if (mine.mark) await trees.end(mine.mark);
    await mine.done;
  };

  const observe = (run_id: string, work: (emit: Emit, mine: Live) => Promise<RunEnd>) =>
    new Observable<AgentEvent | RunEnd>((subscriber) => {
      let settled = (): void => undefined;
      const done = new Promise<void>((fulfil) => (settled = fulfil));
      const mine: Live = { abort: new AbortController(), reason: undefined, mark: undefined, done };
      live.set(run_id, mine);
      let finished = false;
      void work((event) => subscriber.next(event), mine)
        // Only when even the run's folder could not be made.
        .catch((error: unknown) => failedEnd(run_id, neverStarted(error)))
        .then((last) => {
          finished = true;
          if (live.get(run_id) === mine) live.delete(run_id);
          settled();
          subscriber.next(last);
          subscriber.complete();
        });
      return () => {
        if (!finished) void end(mine, run_id, 'stopped: nobody waits for it');
      };
    });

  const stop = async (run: RunScope, why: string): Promise<void> => {
    const mine = live.get(run.run_id);
    if (mine) await end(mine, run.run_id, reasonOf(why));
    else await stopForeign({ ...shared, ...(options.slots ? { slots: options.slots } : {}) }, run, reasonOf(why));
  };

  return {
    attempt: (spec) => observe(spec.run_id, (emit, mine) => attempt(spec, emit, mine)),
    adopt: (run) =>
      observe(run.run_id, (emit, mine) => adoptRun({ ...shared, redact: redactorOf(run), stopChild }, run, emit, mine)),
    ownership: ({ run_id }) => {
      if (live.has(run_id)) return 'owned';
      const raw = rawFolder(rootPath, run_id);
      if (!raw.exists()) return 'unclaimed';
      return isOwned(raw.owner) ? 'owned' : 'orphaned';
    },
    stop,
    async close() {
      await shims.close();
      await trees.close();
      await groupsRemoved();
    },
  };
};
