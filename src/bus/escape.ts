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
const ODD = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/;
const ODD_ALL = new RegExp(ODD, 'g');

/** JSON on one line that every YAML reader takes too: what YAML may see as a line break or refuse is escaped. */
export const toHeaderJson = (value: unknown): string => {
  if (typeof value === 'string' && PLAIN.test(value)) return `"${value}"`;
  const json = JSON.stringify(value);
  return ODD.test(json)
    ? json.replace(ODD_ALL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json;
};
