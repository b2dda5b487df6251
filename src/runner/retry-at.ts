/** What the agents and their services say of quotas and rates. */
const RATE = /\b429\b|rate.?limit|usage limit|quota|resource.?exhausted|too many requests|limit reached/i;

export const isRateLimit = (text: string): boolean => RATE.test(text);

const UNITS: readonly [RegExp, number][] = [
  [/(\d+(?:\.\d+)?)\s*(?:d|days?)\b/i, 86_400_000],
  [/(\d+(?:\.\d+)?)\s*(?:h|hours?|hrs?)\b/i, 3_600_000],
  [/(\d+(?:\.\d+)?)\s*(?:m|minutes?|mins?)\b/i, 60_000],
  [/(\d+(?:\.\d+)?)\s*(?:s|seconds?|secs?)\b/i, 1_000],
  [/(\d+(?:\.\d+)?)\s*(?:ms|milliseconds?)\b/i, 1],
];

const WAIT =
  /(?:retry|try again|resets?|available|wait)(?:ing)?(?:[ -]?after|[ -]?delay)?[^.\n]{0,24}?\b(?:in|after|for|:)?\s*((?:\d+(?:\.\d+)?\s*[a-z]+[,\s]*(?:and\s+)?)+)/i;

/** When it may be tried again, in ms since the epoch, as the text tells it; undefined when it does not. */
export const retryAt = (text: string, now: number): number | undefined => {
  const iso =
    /(?:reset|retry|again|until)[^\n]{0,32}?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))/i.exec(text);
  if (iso) return Number.isNaN(Date.parse(iso[1]!)) ? undefined : Date.parse(iso[1]!);
  const epoch = /(?:limit reached\|| reset[^\d\n]{0,16}| retry[^\d\n]{0,16})(1[6-9]\d{8}|[2-3]\d{9})\b/i.exec(text);
  if (epoch) return Number(epoch[1]) * 1_000;
  const header = /retry[-_ ]?after["']?\s*[:=]\s*["']?(\d+(?:\.\d+)?)(?![\d.]*\s*[a-z])/i.exec(text);
  if (header) return now + Number(header[1]) * 1_000;
  const words = WAIT.exec(text)?.[1];
  if (words === undefined) return undefined;
  let total = 0;
  for (const [unit, ms] of UNITS) total += Number(unit.exec(words)?.[1] ?? 0) * ms;
  return total > 0 ? now + total : undefined;
};
