/** Reads of foreign JSON: whatever is missing or of another kind is undefined, never an error. */
export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a dotted path, through own properties and indexes of lists. */
export const at = (value: unknown, path: string): unknown => {
  let here = value;
  for (const key of path.split('.')) {
    here =
      typeof here === 'object' && here !== null && Object.hasOwn(here, key)
        ? (here as Record<string, unknown>)[key]
        : undefined;
  }
  return here;
};

/** Text from outside has no bound of its own; one record of the bus should stay small. */
export const textAt = (value: unknown, path: string, most = 1_000): string | undefined => {
  const found = at(value, path);
  return typeof found === 'string' && found !== '' ? found.slice(0, most) : undefined;
};

/** Deep nesting would overflow the stack of whoever writes it out again. */
export const isNestedWithin = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((inner) => isNestedWithin(inner, levels - 1)));
