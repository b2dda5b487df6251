import type { Pattern } from './pattern.js';

/** In this order: where several would fit, the first. */
export const PATTERNS: readonly Pattern[] = [];
