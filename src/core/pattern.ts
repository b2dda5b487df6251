import { z } from 'zod';
import { nearest } from './yaml-document.js';
import { wrongGlob } from './glob.js';

const globSchema = z.string().superRefine((glob, context) => {
  const message = wrongGlob(glob);
  if (message) context.addIssue({ code: 'custom', message });
});
const scalarSchema = z.union([globSchema, z.number(), z.boolean(), z.null()]);
const someSchema = z.union([scalarSchema, z.array(scalarSchema).min(1)]);

const operatorSchema = z
  .strictObject({
    not: someSchema.optional().describe('none of these'),
    exists: z.boolean().optional().describe('whether the field is there'),
    prefix: z.string().optional().describe('begins with this'),
    glob: globSchema.max(1_000).optional().describe('* is anything, ? is one character'),
    lt: z.number().optional().describe('less than'),
    lte: z.number().optional().describe('at most'),
    gt: z.number().optional().describe('more than'),
    gte: z.number().optional().describe('at least'),
  })
  .meta({ minProperties: 1 })
  .refine((operators) => Object.keys(operators).length > 0, 'an operator is missing: not, exists, prefix, glob, lt …');

/** What one field must be: a value or glob, one of a list, or operators that must all hold. */
export const patternSchema = z.union([scalarSchema, z.array(scalarSchema).min(1), operatorSchema]);
export type Pattern = z.infer<typeof patternSchema>;

/** What a path of a rule may begin with. */
export const EVENT_FIELDS = [
  'data',
  'type',
  'project_id',
  'task_id',
  'run_id',
  'source',
  'actor',
  'depth',
  'trust',
  'body',
  'meta',
  'issue_id',
  'dedupe_key',
  'msg_id',
  'ts',
] as const;

const noField = (path: string, meant: string): string =>
  `"${path}" is no field of an event; did you mean "${meant}"? (fields: ${EVENT_FIELDS.join(', ')})`;

/** As it was probably meant: a field that was misspelt, else one of data. */
const meantBy = (path: string): string => {
  const [first = '', ...rest] = path.split('.');
  const near = nearest(first, EVENT_FIELDS);
  return near === undefined ? `data.${path}` : [near, ...rest].join('.');
};

/** Undefined when the path begins with a field of events; else what to write instead. */
export const wrongPath = (path: string): string | undefined => {
  const [first = ''] = path.split('.');
  return (EVENT_FIELDS as readonly string[]).includes(first) ? undefined : noField(path, meantBy(path));
};

/** Of an event, as a condition sees it. */
const ALL_FIELDS: readonly string[] = [...EVENT_FIELDS, 'parents', 'links', 'data_blob', 'sealed', 'authentic'];

/** What is wrong with a path of a condition over `event`; undefined when it may be there. */
export const wrongEventPath = (path: string): string | undefined => {
  const [variable, field, ...rest] = path.split('.');
  if (variable !== 'event' || field === undefined || ALL_FIELDS.includes(field)) return undefined;
  return noField(path, `event.${meantBy([field, ...rest].join('.'))}`);
};

const withoutEvent = (path: string): string => path.replace(/^event\./, '');

/** A field of the event, as `data.branch`. */
export const pathSchema = z
  .string()
  .min(1)
  .max(500)
  // For editors; what is wrong is said below.
  .meta({ pattern: `^(event\\.)?(${EVENT_FIELDS.join('|')})(\\.|$)` })
  .transform(withoutEvent)
  .superRefine((path, context) => {
    const message = wrongPath(path);
    if (message) context.addIssue({ code: 'custom', message });
  });

/** One field, or several that count together. */
export const keySchema = z.union([pathSchema, z.array(pathSchema).min(1).max(8)]).transform((paths) => [paths].flat());

export const matchSchema = z
  .record(z.string(), patternSchema)
  .superRefine((match, context) => {
    for (const path of Object.keys(match)) {
      const message = wrongPath(withoutEvent(path));
      if (message) context.addIssue({ code: 'custom', message, path: [path] });
    }
  })
  .transform((match) =>
    Object.fromEntries(Object.entries(match).map(([path, pattern]) => [withoutEvent(path), pattern])),
  );
