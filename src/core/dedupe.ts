/** How long a dedupe key counts, at least. Ms. */
export const DEDUPE_MS = 14 * 24 * 3_600_000;
