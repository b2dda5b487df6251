import { formatDuration } from '../duration.js';
import { joined, type Stage } from './window.js';

/** For how long it is remembered that it has spoken, where nothing says that it ended: ms. */
const REMEMBERED = 7 * 86_400_000;

/**
 * Lets through, once, what has been true for `for`. What ends it (an event of the rule's types that does not match) is not
 * offered: whoever sees it forgets the window.
 */
export const sustained = ({ for: time }: { for: number }): Stage => ({
  offer(window, signal) {
    if (window?.spoke)
      return { window: { ...window, until: signal.at + REMEMBERED }, dropped: 'it has been so since the last start' };
    const opened = window?.opened ?? signal.at;
    const collected = joined(window?.signal, signal);
    return {
      window: { opened, due: opened + time, until: opened + time, signal: collected },
      held: `starts when it has been so for ${formatDuration(time)}`,
    };
  },
  expire: ({ signal, opened }, due) => ({
    window: { opened, until: due + REMEMBERED, spoke: true },
    ...(signal ? { pass: signal } : {}),
  }),
});
