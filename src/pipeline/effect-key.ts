/** A second try of an effect is the same effect. */
export const stepOf = (path: string): string => path.replace(/~\d+$/, '');

/** By which whoever is asked twice knows that it is the same. Fit for a header. */
export const keyOf = (activation: string, path: string): string =>
  `${activation}/${stepOf(path)}`.replaceAll(/[^\x20-\x7e]/g, '_');
