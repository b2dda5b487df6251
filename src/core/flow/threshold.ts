import { formatDuration } from '../duration.js';
import type { Signal, Stage } from './window.js';

/** Lets through, as one, `at_least` that came within `within`; then counts anew. The oldest is the opener. */
export const threshold = ({ at_least, within }: { at_least: number; within: number }): Stage => ({
  offer(window, signal) {
    const times: number[] = [];
    const ids: string[] = [];
    window?.times?.forEach((time, index) => {
      if (signal.at - time >= within) return;
      times.push(time);
      ids.push(window.ids![index]!);
    });
    times.push(signal.at);
    ids.push(signal.last);
    if (times.length < at_least)
      return {
        window: { opened: times[0]!, until: signal.at + within, times, ids },
        held: `${times.length} of ${at_least} within ${formatDuration(within)}`,
      };
    const all: Signal = { opener: ids[0]!, last: signal.last, at: signal.at, count: ids.length, events: ids };
    return { window: undefined, pass: all };
  },
  expire: (window) => ({ window }),
});
