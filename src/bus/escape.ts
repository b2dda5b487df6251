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

/** Of an object of few simple fields, in a third of the time of `JSON.stringify`: as few pieces as can be. */
const flatJson = (value: object): string | undefined => {
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  let json = '';
  /** Ends what was said last and begins the next key. */
  let between = '{"';
  for (const key of Object.keys(value)) {
    if (!PLAIN.test(key)) return undefined;
    const one = (value as Record<string, unknown>)[key];
    if (typeof one === 'string') {
      if (!PLAIN.test(one)) return undefined;
      json += `${between}${key}":"${one}`;
      between = '","';
    } else {
      const said = simpleJson(one);
      if (said === undefined) return undefined;
      json += `${between}${key}":${said}`;
      between = ',"';
    }
  }
  return json === '' ? '{}' : `${json}${between === ',"' ? '}' : '"}'}`;
};

/** The JSON of what is simple: all of it ASCII. Undefined for anything else. */
export const asciiJson = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null ? flatJson(value) : simpleJson(value);

/** JSON on one line that every YAML reader takes too: what YAML may see as a line break or refuse is escaped. */
export const toHeaderJson = (value: unknown): string => {
  const simple = asciiJson(value);
  if (simple !== undefined) return simple;
  const json = JSON.stringify(value);
  return NOT_ASCII.test(json)
    ? json.replace(ODD_ALL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json;
};
