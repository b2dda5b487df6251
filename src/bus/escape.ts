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

/** Of an object of few simple fields, in a third of the time of `JSON.stringify`. */
const flatJson = (value: object): string | undefined => {
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  let json = '{';
  for (const key of Object.keys(value)) {
    const said = PLAIN.test(key) ? simpleJson((value as Record<string, unknown>)[key]) : undefined;
    if (said === undefined) return undefined;
    json += json === '{' ? `"${key}":${said}` : `,"${key}":${said}`;
  }
  return `${json}}`;
};

/** JSON on one line that every YAML reader takes too: what YAML may see as a line break or refuse is escaped. */
export const toHeaderJson = (value: unknown): string => {
  const simple = typeof value === 'object' && value !== null ? flatJson(value) : simpleJson(value);
  if (simple !== undefined) return simple;
  const json = JSON.stringify(value);
  return NOT_ASCII.test(json)
    ? json.replace(ODD_ALL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json;
};
