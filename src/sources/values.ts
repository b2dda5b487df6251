import { ConductorError } from '../core/errors.js';

/**
 * What a parser takes of memory and time goes by the values, not by the length: 25 MiB of brackets are some 800 MB, and no
 * thread can be interrupted while it parses, nor ended for its memory without the whole process. Providers send a value for
 * each 14 characters at most.
 */
export const MOST_VALUES = 3_000_000;

const tooMany = (): ConductorError => new ConductorError('too_large', `the body holds more than ${MOST_VALUES} values`);

/** Throws for JSON of too many values; one stands behind each `[`, `{`, `,` and `:` that is in no string. */
export const refuseManyValues = (json: string): void => {
  let count = 0;
  for (let at = 0; at < json.length; at += 1) {
    switch (json.charCodeAt(at)) {
      case 0x22:
        for (at += 1; at < json.length && json.charCodeAt(at) !== 0x22; at += 1)
          // What follows a backslash ends no string.
          if (json.charCodeAt(at) === 0x5c) at += 1;
        break;
      case 0x5b:
      case 0x7b:
      case 0x2c:
      case 0x3a:
        count += 1;
        if (count > MOST_VALUES) throw tooMany();
    }
  }
};

/** The same for a form. */
export const refuseManyFields = (form: string): void => {
  let count = 0;
  for (let at = form.indexOf('&'); at !== -1; at = form.indexOf('&', at + 1)) {
    count += 1;
    if (count > MOST_VALUES) throw tooMany();
  }
};
