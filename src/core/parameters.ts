import { nearest } from './yaml-document.js';

/** What a handler may be given `with`. */
export interface Parameters {
  names: readonly string[];
  /** Nothing in it reads any other: a script may, for it is given all of them. */
  closed: boolean;
}

/** What rules must know of a handler. */
export interface HandlerSignature {
  name: string;
  /** Missing: any. */
  parameters?: Parameters;
}

/**
 * The first parameter that the handler does not know, and what is to be said of it. Where it may read others, only one that is
 * a misspelling of a parameter which is not given.
 */
export const unknownParameter = (
  { name: handler, parameters }: HandlerSignature,
  given: Readonly<Record<string, unknown>>,
): { parameter: string; message: string } | undefined => {
  if (!parameters) return undefined;
  const { names, closed } = parameters;
  const left = names.filter((name) => !Object.hasOwn(given, name));
  for (const parameter of Object.keys(given)) {
    if (names.includes(parameter)) continue;
    const like = nearest(parameter, left);
    if (like === undefined && !closed) continue;
    const known = names.length === 0 ? 'it takes none' : `it knows ${names.join(', ')}`;
    const hint = like === undefined ? ` (${known})` : `; did you mean "${like}"?`;
    return { parameter, message: `the handler "${handler}" has no parameter "${parameter}"${hint}` };
  }
  return undefined;
};
