import type { Subscription } from 'rxjs';
import type { Clock } from '../core/ports.js';
import { isUsedUp, leftOf, type AgentEvent, type RunLimits, type Spent } from '../core/run.js';
import { plus } from '../core/share.js';
import type { RunAccount } from './budgets.js';

/** Why we end a run by ourselves. `lingered`: it gave its result and did not go. */
export type GuardReason = 'timeout' | 'idle' | 'output' | 'budget' | 'lingered';

export interface Guarded {
  clock: Clock;
  /** Milliseconds since the epoch, after the wait for a slot. */
  started: number;
  timeout_ms: number;
  limits: RunLimits;
  /** Bytes of output so far. */
  bytes(): number;
  /** Milliseconds that do not count against the time limit, and whether a child lives now. */
  children(): { waited_ms: number; living: boolean };
  /** What it used up by itself, of what it told so far. */
  own(): Spent;
  /** Of a run that a budget counts for. */
  account: RunAccount | undefined;
  /** Called once. */
  end(reason: GuardReason): void;
}

/** After its result a run has this long to go. */
export const LINGER_MS = 30_000;
/** The longest timer that Node knows. */
const LONGEST_MS = 2 ** 31 - 1;
/** How soon a parent that waits for a child is looked at again. */
const AGAIN_MS = 1_000;

/** Watches over one running agent: its time, its silence, its output, its turns and its money. */
export const createGuard = (guarded: Guarded) => {
  const { clock, limits } = guarded;
  const timers = new Map<string, Subscription>();
  let over = false;
  let finished = false;
  let calls = 0;
  let spoke = clock.now();
  let bytes = 0;

  const end = (reason: GuardReason): void => {
    if (over) return;
    stop();
    guarded.end(reason);
  };
  const after = (name: string, ms: number, work: () => void): void => {
    timers.get(name)?.unsubscribe();
    timers.set(name, clock.scheduler.schedule(work, Math.min(Math.max(ms, 0), LONGEST_MS)));
  };
  const stop = (): void => {
    over = true;
    forget?.();
    for (const timer of timers.values()) timer.unsubscribe();
  };

  let isAsking = false;
  const checkShared = async (account: RunAccount): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    // What cannot be read now is asked again when it spends more.
    const isOver = await account.isOver().catch(() => false);
    isAsking = false;
    if (isOver) end('budget');
  };

  const checkSpending = (): void => {
    const { account } = guarded;
    if (account === undefined) return;
    if (isUsedUp(leftOf(limits, plus(guarded.own(), account.below())))) end('budget');
    else void checkShared(account);
  };

  const checkTime = (): void => {
    const { waited_ms, living } = guarded.children();
    if (over) return;
    const left = guarded.started + guarded.timeout_ms + waited_ms - clock.now();
    if (left <= 0 && !living) end('timeout');
    else after('time', Math.max(left, living ? AGAIN_MS : 0), checkTime);
  };

  const checkSilence = (): void => {
    const { living } = guarded.children();
    if (over || limits.idle_ms === undefined) return;
    if (living) spoke = clock.now();
    const left = spoke + limits.idle_ms - clock.now();
    if (left <= 0) end('idle');
    else after('idle', left, checkSilence);
  };

  const forget = guarded.account?.onOthers(() => void checkShared(guarded.account!));
  after('time', guarded.started + guarded.timeout_ms - clock.now(), checkTime);
  if (limits.idle_ms !== undefined) after('idle', limits.idle_ms, checkSilence);

  return {
    stop,
    /** To be called whenever output may have come. */
    pulled: (): void => {
      const now = guarded.bytes();
      if (now !== bytes) spoke = clock.now();
      bytes = now;
      if (limits.output_bytes !== undefined && bytes > limits.output_bytes) end('output');
    },
    heard(event: AgentEvent): void {
      if (over) return;
      switch (event.kind) {
        case 'result':
          finished = true;
          after('linger', LINGER_MS, () => end('lingered'));
          break;
        case 'text':
        case 'tool_call':
          // It goes on: that was not its last word.
          finished = false;
          timers.get('linger')?.unsubscribe();
          if (event.kind === 'tool_call') calls += 1;
          if (limits.turns !== undefined && calls > limits.turns) end('budget');
          break;
        case 'tool_result':
          // It may have been a child.
          checkSpending();
          break;
        case 'usage':
          guarded.account?.spend(guarded.own());
          // What is told at the end stops nothing any more.
          if (event.message !== undefined) checkSpending();
          break;
        case 'cost':
          guarded.account?.spend(guarded.own());
          if (!finished) checkSpending();
          break;
        default:
      }
    },
  };
};
