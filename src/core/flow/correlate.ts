import { formatDuration } from '../duration.js';
import { joined, type Outcome, type Stage, type WindowState } from './window.js';

export interface Together {
  mode: 'all' | 'any' | 'not_all';
  /** How many parts there are. */
  parts: number;
  /** Those that only complete what another began, by index. */
  closers: readonly number[];
  within: number;
}

const NOTHING_BEGUN = 'nothing that it completes has begun';

const seenWith = (window: WindowState | undefined, part: number): number[] =>
  [...new Set([...(window?.seen ?? []), part])].sort((a, b) => a - b);

/** Starts when every part came within `within` of the first. */
const all = ({ parts, closers, within }: Together): Stage => ({
  offer(window, signal, part = 0): Outcome {
    const open = window !== undefined && signal.at < window.until ? window : undefined;
    if (!open && closers.includes(part)) return { window: undefined, dropped: NOTHING_BEGUN };
    const seen = seenWith(open, part);
    const collected = joined(open?.signal, signal);
    if (seen.length === parts) return { window: undefined, pass: collected };
    const opened = open?.opened ?? signal.at;
    return {
      window: { opened, until: opened + within, seen, signal: collected },
      held: `${seen.length} of ${parts} came; the rest must come within ${formatDuration(within)}`,
    };
  },
  expire: () => ({ window: undefined }),
});

/** Starts with the first; what follows within `within` belongs to it. */
const any = ({ closers, within }: Together): Stage => ({
  offer(window, signal, part = 0): Outcome {
    if (window !== undefined && signal.at < window.until)
      return { window, dropped: `another of them started it within ${formatDuration(within)}` };
    if (closers.includes(part)) return { window: undefined, dropped: NOTHING_BEGUN };
    return { window: { opened: signal.at, until: signal.at + within, spoke: true }, pass: signal };
  },
  expire: () => ({ window: undefined }),
});

/**
 * The dead man's alarm: starts when some came but not all within `within`. What comes too late completes the alarm that was
 * given, and gives no second one.
 */
const notAll = ({ parts, closers, within }: Together): Stage => ({
  offer(window, signal, part = 0): Outcome {
    const open = window !== undefined && signal.at < window.until ? window : undefined;
    if (open?.spoke && !open.seen!.includes(part))
      return { window: { ...open, seen: seenWith(open, part) }, dropped: 'it came late; the alarm was given' };
    const waiting = open?.spoke ? undefined : open;
    if (!waiting && closers.includes(part)) return { window, dropped: NOTHING_BEGUN };
    const seen = seenWith(waiting, part);
    if (seen.length === parts) return { window: undefined, dropped: 'all of them came' };
    const collected = joined(waiting?.signal, signal);
    const opened = waiting?.opened ?? signal.at;
    return {
      window: { opened, due: opened + within, until: opened + within, seen, signal: collected },
      held: `${seen.length} of ${parts} came; starts unless the rest comes within ${formatDuration(within)}`,
    };
  },
  expire: ({ opened, seen, signal }, due) => ({
    window: { opened, until: due + within, ...(seen ? { seen } : {}), spoke: true },
    ...(signal ? { pass: signal } : {}),
  }),
});

export const correlate = (together: Together): Stage =>
  together.mode === 'all' ? all(together) : together.mode === 'any' ? any(together) : notAll(together);
