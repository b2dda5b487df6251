import type { z } from 'zod';
import { ConductorError } from '../core/errors.js';

const pathOf = (path: readonly PropertyKey[]): string =>
  path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('');

/** What the schema makes of the value, or a `bad_request` that names the field. */
export const checked = <S extends z.ZodType>(schema: S, value: unknown): z.output<S> => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ field: pathOf([...issue.path, key]), message: 'is not known here' }))
      : [{ field: pathOf(issue.path), message: issue.message }],
  );
  throw new ConductorError(
    'bad_request',
    problems.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; '),
    {
      details: { fields: problems.map(({ field }) => field) },
    },
  );
};
