import { formatDuration } from '../duration.js';
import type { Stage } from './window.js';

/** Lets `first` through in any `within`; drops the rest. */
export const throttle = ({ first, within }: { first: number; within: number }): Stage => ({
  offer(window, signal) {
    const times = (window?.times ?? []).filter((time) => signal.at - time < within);
    if (times.length >= first)
      return {
        window,
        dropped: `${times.length} started within ${formatDuration(within)}; the limit is ${first}`,
      };
    times.push(signal.at);
    return { window: { opened: times[0]!, until: signal.at + within, times }, pass: signal };
  },
  expire: (window) => ({ window }),
});
