import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** Of a choice between shapes, the complaint that came furthest: it is of the shape that was meant. */
const deepest = (issue: Issue): Issue => {
  if (issue.code !== 'invalid_union') return issue;
  const found = issue.errors
    .flatMap((branch) => branch.slice(0, 1))
    .map((one) => deepest(one))
    .reduce<Issue | undefined>((best, one) => (best && best.path.length > one.path.length ? best : one), undefined);
  return found && found.path.length > 0 ? { ...found, path: [...issue.path, ...found.path] } : issue;
};

/** Hands on what a schema complained of, of choices what is most to the point. */
export const handOn = (result: z.ZodSafeParseError<unknown>, context: z.core.$RefinementCtx): void => {
  for (const issue of result.error.issues) context.addIssue({ ...deepest(issue) });
};
