/** Careful looks at JSON from a program that may change its mind with any release. */
export type Json = Record<string, unknown>;

export const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

export const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** Any value as something to read. */
export const shown = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** `{ input_tokens, output_tokens }` as all three families write them. */
export const usageOf = (value: unknown): { input_tokens?: number; output_tokens?: number } => {
  const { input_tokens, output_tokens } = object(value);
  const usage: { input_tokens?: number; output_tokens?: number } = {};
  if (number(input_tokens) !== undefined) usage.input_tokens = input_tokens as number;
  if (number(output_tokens) !== undefined) usage.output_tokens = output_tokens as number;
  return usage;
};

/** An optional field only when it has a value. */
export const maybe = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);
