import { formatDuration } from '../duration.js';
import { joined, type Stage } from './window.js';

/** Collects until it was quiet for `quiet`, or `max_wait` after the first; then lets all through as one. */
export const debounce = ({ quiet, max_wait }: { quiet: number; max_wait?: number | undefined }): Stage => ({
  offer(window, signal) {
    const collected = joined(window?.signal, signal);
    const opened = window?.opened ?? signal.at;
    const due = Math.min(signal.at + quiet, max_wait === undefined ? Infinity : opened + max_wait);
    return {
      window: { opened, due, until: due, signal: collected },
      held: `event ${collected.count} of a debounce; starts after ${formatDuration(quiet)} of quiet`,
    };
  },
  expire: ({ signal }) => ({ window: undefined, ...(signal ? { pass: signal } : {}) }),
});
