/**
 * No line of a body on disk is ever a bare `---`: such a line gets one backslash more on the way in and loses one on the
 * way out. Lines end at `\n` only, so the expressions do without the `m` flag (it also stops at `\r` and U+2028).
 */
export const escapeBody = (body: string): string =>
  !body.includes('---') ? body : body.replace(/(^|\n)(\\*---[ \t\r]*)(?=\n|$)/g, '$1\\$2');

export const unescapeBody = (body: string): string =>
  !body.includes('---') ? body : body.replace(/(^|\n)\\(\\*---[ \t\r]*)(?=\n|$)/g, '$1$2');

/** Stands between quotes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;
const NOT_ASCII = /[^ -~]/;
const ODD_ALL = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** Undefined for what only `JSON.stringify` knows how to say. */
const simpleJson = (value: unknown): string | undefined => {
  if (typeof value === 'string') return PLAIN.test(value) ? `"${value}"` : undefined;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined;
  return undefined;
};

/** What stood before the values of the last object, the closing of the value before included: most have the keys of the one before. */
const openings: { between: string; key: string; colon: string; text: string }[] = [];
const OPENINGS_MOST = 32;

const openingOf = (index: number, between: string, key: string, colon: string): string | undefined => {
  const last = openings[index];
  if (last?.key === key && last.between === between && last.colon === colon) return last.text;
  if (!PLAIN.test(key)) return undefined;
  const text = `${between}${key}${colon}`;
  if (index < OPENINGS_MOST) openings[index] = { between, key, colon, text };
  return text;
};

/** Of an object of few simple fields, in a fraction of the time of `JSON.stringify`: as few pieces as can be. */
const flatJson = (value: object): string | undefined => {
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  let json = '';
  /** Ends what was said last and begins the next key. */
  let between = '{"';
  let index = 0;
  for (const key of Object.keys(value)) {
    const one = (value as Record<string, unknown>)[key];
    const isText = typeof one === 'string';
    const opening = openingOf(index, between, key, isText ? '":"' : '":');
    const said = isText ? (PLAIN.test(one) ? one : undefined) : simpleJson(one);
    if (opening === undefined || said === undefined) return undefined;
    json += opening + said;
    between = isText ? '","' : ',"';
    index += 1;
  }
  return index === 0 ? '{}' : json + (between === ',"' ? '}' : '"}');
};

/** The JSON of what is simple: all of it ASCII. Undefined for anything else. */
export const asciiJson = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null ? flatJson(value) : simpleJson(value);

/** JSON on one line that every YAML reader takes too: what YAML may see as a line break or refuse is escaped. */
export const jsonOfAny = (value: unknown): string => {
  const json = JSON.stringify(value);
  return NOT_ASCII.test(json)
    ? json.replace(ODD_ALL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json;
};

/** The same, in less time where it is simple. */
export const jsonOf = (value: unknown): string => asciiJson(value) ?? jsonOfAny(value);
