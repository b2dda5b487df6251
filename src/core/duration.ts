const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Seconds, or amounts with their units. */
export const WRITTEN = /^\s*(\d+(\.\d+)?|(\d+(\.\d+)?(ms|s|m|h|d))+)\s*$/;

/** A hundred years: a time so far from now is still one that can be written. */
const LONGEST = 36_525 * UNITS.d;
const bounded = (milliseconds: number): number | undefined =>
  milliseconds >= 0 && milliseconds <= LONGEST ? Math.round(milliseconds) : undefined;

/** `"1h30m"`, `"500ms"`, or a number of seconds → milliseconds, a hundred years at most; undefined when it is neither. */
export const parseDuration = (value: string | number): number | undefined => {
  if (typeof value === 'number') return bounded(value * 1_000);
  if (!WRITTEN.test(value)) return undefined;
  if (!/[a-z]/.test(value)) return parseDuration(Number(value));
  let total = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * UNITS[unit as keyof typeof UNITS];
  }
  return bounded(total);
};

/** The inverse, in the shortest form: 90000 → `1m30s`. */
export const formatDuration = (milliseconds: number): string => {
  let left = milliseconds;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(left / UNITS[unit]);
    if (count > 0) text += `${count}${unit}`;
    left -= count * UNITS[unit];
  }
  return text === '' ? '0s' : text;
};
