/** `41s`, `12m`, `3h`, `8d`: how long ago, for people. */
export const age = (since: string | undefined, now: number): string => {
  const seconds = since === undefined ? Number.NaN : Math.max(0, (now - Date.parse(since)) / 1_000);
  if (Number.isNaN(seconds)) return '';
  if (seconds < 100) return `${Math.floor(seconds)}s`;
  if (seconds < 6_000) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
};
