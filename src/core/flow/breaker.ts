import { formatDuration } from '../duration.js';
import type { Stage } from './window.js';

/**
 * Ends a loop that goes through the world outside: after `fires` starts for one entity within `within` nothing starts for
 * it until `within` has passed again. Healthy traffic spreads over entities and actors, a loop does not.
 */
export const breaker = ({ fires, within }: { fires: number; within: number }): Stage => ({
  offer(window, signal) {
    if (window?.spoke && signal.at < window.until)
      return { window, dropped: `open until ${new Date(window.until).toISOString()}` };
    const times = (window?.spoke ? [] : (window?.times ?? [])).filter((time) => signal.at - time < within);
    if (times.length >= fires) {
      const until = signal.at + within;
      return {
        window: { opened: signal.at, until, spoke: true },
        dropped: `${times.length} starts within ${formatDuration(within)}: a loop; open until ${new Date(until).toISOString()}`,
      };
    }
    times.push(signal.at);
    return { window: { opened: times[0]!, until: signal.at + within, times }, pass: signal };
  },
  expire: (window) => ({ window }),
});
