import { ConductorError } from '../core/errors.js';
import { draftSchema, type Draft } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import { prepare, type Prepared } from './format.js';

const fieldName = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (name, part) => (typeof part === 'number' ? `${name}[${part}]` : name ? `${name}.${String(part)}` : String(part)),
    '',
  );

/** Checks a draft and fills the defaults. `own`: our own facts, which may be of a reserved type. */
export const prepareDraft = (draft: Draft, own: boolean): Prepared => {
  const parsed = draftSchema.safeParse(draft);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = fieldName(issue?.path ?? []) || (issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : '');
    throw new ConductorError('bad_request', `${field || 'message'}: ${issue?.message ?? 'not a message'}`, {
      details: { field },
    });
  }
  const value = parsed.data;
  if (!own && isReserved(value.type)) {
    throw new ConductorError('reserved_type', `${value.type} is said by the service only; choose another type`, {
      details: { type: value.type },
    });
  }
  try {
    return prepare({
      ...value,
      project_id: value.project_id ?? 'default',
      source: value.source ?? 'cli',
      parents: value.parents ?? [],
      depth: value.depth ?? 0,
      data: value.data ?? {},
      trust: value.trust ?? 'full',
      body: value.body ?? '',
    });
  } catch (error) {
    if (error instanceof ConductorError) throw error;
    throw new ConductorError(
      'bad_request',
      `data: cannot be written as JSON (${error instanceof Error ? error.message : String(error)})`,
      { cause: error, details: { field: 'data' } },
    );
  }
};
