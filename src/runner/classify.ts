import type { FailureClass, RunEnd } from '../core/run.js';
import { isRateLimit, retryAt } from './retry-at.js';

export interface Facts {
  /** The agent speaks a family of JSONL: then its own word counts, beside its code. */
  speaks: boolean;
  /** −1: none is known. */
  exit_code: number;
  /** The family's terminal event. */
  result: { ok: boolean; message?: string } | undefined;
  /** Errors that it told on the way. */
  errors: readonly string[];
  stderr: string;
  /** Why we ended it, if we did. */
  stopped: string | undefined;
  /** Milliseconds since the epoch. */
  now: number;
}

export interface Meaning {
  status: RunEnd['status'];
  exit: RunEnd['exit'];
  class?: FailureClass;
  reason?: string;
  error_summary?: string;
  retry_at?: string;
}

const EXIT: Record<FailureClass, 1 | 2 | 3> = { transient: 1, permanent: 2, configuration: 3 };

/** In this order: the first that fits decides. */
const SIGNS: readonly [FailureClass, RegExp][] = [
  [
    'configuration',
    /unknown option|unexpected argument|invalid auth method|set an auth method|cannot be used with root|not logged in|please run \/login|no longer supported|command not found/i,
  ],
  [
    'transient',
    /\b429\b|rate.?limit|overloaded|\b529\b|\b50[0234]\b|server.?error|high demand|usage limit|resource.?exhausted|time[d -]*out|ECONN\w+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|network|stream disconnected|connection (refused|reset|error|closed)|fetch failed|socket hang up|temporar/i,
  ],
  [
    'permanent',
    /\b40[0134]\b|\b413\b|\b422\b|unauthori[sz]ed|authenticat|forbidden|invalid.{0,12}key|bad request|invalid.?request|billing|credit|quota exceeded|budget|max_turns|max_structured_output|prompt is too long|context.{0,10}(length|window)/i,
  ],
];

const signOf = (text: string | undefined): FailureClass | undefined =>
  text === undefined || text === '' ? undefined : SIGNS.find(([, sign]) => sign.test(text))?.[0];

/** gemini ends with the HTTP status modulo 256. */
const HTTP_REMAINDERS: Readonly<Record<number, FailureClass>> = {
  144: 'permanent',
  145: 'permanent',
  147: 'permanent',
  148: 'permanent',
  173: 'transient',
  244: 'transient',
  246: 'transient',
  247: 'transient',
  41: 'configuration',
  52: 'configuration',
  42: 'permanent',
  126: 'configuration',
  127: 'configuration',
};

const SIGNALS: Readonly<Record<number, string>> = {
  129: 'SIGHUP',
  130: 'SIGINT',
  131: 'SIGQUIT',
  134: 'SIGABRT',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  143: 'SIGTERM',
};

/** A shell tells a signal as 128 and its number. Rarer ones are left as codes, for gemini has such codes of its own. */
export const signalOf = (exit_code: number): string | undefined => SIGNALS[exit_code];

const lastLine = (text: string): string | undefined => text.trimEnd().split('\n').at(-1)?.trim() || undefined;

const SHORT = 500;
const short = (text: string): string =>
  (text.length > SHORT ? `${text.slice(0, SHORT - 1)}…` : text).replace(/\s+/g, ' ').trim();

const failed = (kind: FailureClass, summary: string, reason?: string): Meaning => ({
  status: 'failed',
  exit: EXIT[kind],
  class: kind,
  ...(reason === undefined ? {} : { reason }),
  error_summary: short(summary),
});

const plain = ({ exit_code, stderr }: Facts): Meaning => {
  const summary = lastLine(stderr) ?? `it ended with the code ${exit_code}`;
  if (exit_code === 2) return failed('permanent', summary);
  return failed(exit_code === 3 || exit_code === 126 || exit_code === 127 ? 'configuration' : 'transient', summary);
};

/** The agent's own word for a limit that it was given. */
const OWN_LIMIT = /\berror_max_(?:budget_usd|turns)\b/;

/** Its last word first, then what it complained of on the way, then stderr, then the bare code. */
const spoken = ({ exit_code, result, errors, stderr, now }: Facts): Meaning => {
  const said = [result?.message, ...[...errors].reverse()];
  const kind =
    said.map(signOf).find((sign) => sign !== undefined) ?? HTTP_REMAINDERS[exit_code] ?? signOf(stderr) ?? 'transient';
  const bare = exit_code === 0 ? 'it ended without a result' : `it ended with the code ${exit_code}`;
  const summary = result?.message || errors.at(-1) || (exit_code === 0 ? undefined : lastLine(stderr)) || bare;
  if (kind === 'permanent' && OWN_LIMIT.test(summary)) return failed(kind, summary, 'budget');
  const evidence = said.find((text) => text !== undefined && isRateLimit(text));
  if (kind !== 'transient' || evidence === undefined) return failed(kind, summary);
  const at = retryAt(evidence, now) ?? retryAt(stderr, now);
  return {
    ...failed(kind, summary, 'rate_limit'),
    ...(at === undefined ? {} : { retry_at: new Date(at).toISOString() }),
  };
};

/** What we end a run for by ourselves, beside being told to. */
const ENDED: Readonly<Record<string, [FailureClass, string]>> = {
  timeout: ['transient', 'it did not end in time'],
  idle: ['transient', 'it was silent for too long'],
  output: ['permanent', 'it wrote more than it may'],
  budget: ['permanent', 'its budget is used up'],
  lingered: ['transient', 'it said that it failed, and did not go'],
};

/** What the end of a run means. That we stopped it wins over its code: some agents end a stopped run with 0. */
export const classify = (facts: Facts): Meaning => {
  if (facts.stopped !== undefined) {
    // It had said that all is well: what we ended then was only its leaving.
    if (facts.stopped === 'lingered' && facts.result?.ok === true)
      return { status: 'completed', exit: 0, reason: 'lingered' };
    const known = ENDED[facts.stopped];
    if (known) return failed(known[0], known[1], facts.stopped);
    return failed('transient', `it was ${facts.stopped}`, facts.stopped);
  }
  if (facts.exit_code === 0 && (!facts.speaks || facts.result?.ok === true)) return { status: 'completed', exit: 0 };
  if (facts.exit_code < 0) return failed('transient', 'it is gone and left no exit code', 'lost');
  if (signalOf(facts.exit_code) !== undefined)
    return failed('transient', `it was ended by ${signalOf(facts.exit_code)}`);
  return facts.speaks ? spoken(facts) : plain(facts);
};
