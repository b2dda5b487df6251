/** So many events of a window are remembered by id; all are counted. */
export const MOST_IDS = 100;

/** One or more events on their way through the flow control of a rule. */
export interface Signal {
  /** The event that opened it: with the rule, the activation's key. */
  opener: string;
  /** The newest event: what the handler is given. */
  last: string;
  /** When the newest came, ms. */
  at: number;
  count: number;
  /** The newest of them, oldest first. */
  events: string[];
}

/** What a stage remembers of one key, as plain JSON: it stands in ROUTED and nowhere else. Times are ms of messages. */
export interface Window {
  rule: string;
  stage: StageName;
  key: string;
  opened: number;
  /** When something has to be decided even if nothing comes. */
  due?: number;
  /** From then on it says nothing any more. */
  until: number;
  /** What was collected so far. */
  signal?: Signal;
  /** Times of what counts, oldest first; with `ids` the events themselves. */
  times?: number[];
  ids?: string[];
  /** Parts of a correlation that came. */
  seen?: number[];
  /** It has spoken already. */
  spoke?: true;
}

export type StageName = 'correlate' | 'threshold' | 'sustained' | 'debounce' | 'throttle' | 'breaker';

/** What came of a window that was due: the window after it, and what it lets through. */
export interface Expiry {
  /** Undefined: there is nothing to remember. */
  window: WindowState | undefined;
  pass?: Signal;
}

/** What came of an offer: the window after it, and the signal let through, kept back or dropped. */
export type Outcome = Pick<Expiry, 'window'> &
  (
    | { pass: Signal; held?: undefined; dropped?: undefined }
    | { held: string; dropped?: undefined }
    | { held?: undefined; dropped: string }
  );

export type WindowState = Omit<Window, 'rule' | 'stage' | 'key'>;

/** Pure: the same window and the same signal give the same outcome, whoever asks. */
export interface Stage {
  offer(window: WindowState | undefined, signal: Signal, part?: number): Outcome;
  /** At its `due`, ms. */
  expire(window: WindowState, due: number): Expiry;
}

export const single = (msg_id: string, at: number): Signal => ({
  opener: msg_id,
  last: msg_id,
  at,
  count: 1,
  events: [msg_id],
});

/** The later signal added to what was collected; the opener stays. */
export const joined = (before: Signal | undefined, signal: Signal): Signal =>
  before === undefined
    ? signal
    : {
        opener: before.opener,
        last: signal.last,
        at: signal.at,
        count: before.count + signal.count,
        events: [...before.events, ...signal.events].slice(-MOST_IDS),
      };
