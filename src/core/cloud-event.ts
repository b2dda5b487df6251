import { ConductorError } from './errors.js';

/** The value of a `ce-` header: CloudEvents over HTTP percent-encode it. `name`: of the header. @throws ConductorError `bad_request` */
export const attributeFrom = (name: string, value: string): string => {
  try {
    return decodeURIComponent(value);
  } catch (cause) {
    throw new ConductorError('bad_request', `${name}: is not percent-encoded UTF-8`, {
      cause,
      details: { field: name },
    });
  }
};
