import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** A key that nobody knows tells more than one that is missing. */
const weight = (issue: Issue): number => issue.path.length + (issue.code === 'unrecognized_keys' ? 1.5 : 0);
const telling = (issues: readonly Issue[]): Issue | undefined =>
  issues
    .map(deepest)
    .reduce<Issue | undefined>((best, one) => (best && weight(best) >= weight(one) ? best : one), undefined);

/** Of a choice between shapes, the complaint that came furthest: it is of the shape that was meant. */
const deepest = (issue: Issue): Issue => {
  if (issue.code !== 'invalid_union') return issue;
  const found = telling(issue.errors.flatMap((branch) => telling(branch) ?? []));
  return found && weight(found) > 0 ? { ...found, path: [...issue.path, ...found.path] } : issue;
};

/** Hands on what a schema complained of, of choices what is most to the point. */
export const handOn = (result: z.ZodSafeParseError<unknown>, context: z.core.$RefinementCtx): void => {
  for (const issue of result.error.issues) context.addIssue({ ...deepest(issue) });
};
