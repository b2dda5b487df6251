import { z } from 'zod';
import type { JsonSchema, OutputForm } from '../core/handler.js';

const schemas = new WeakMap<JsonSchema, z.ZodType>();

/** @throws when it is no JSON Schema that we know. */
export const compileSchema = (schema: JsonSchema): z.ZodType => {
  let compiled = schemas.get(schema);
  if (!compiled) schemas.set(schema, (compiled = z.fromJSONSchema(schema)));
  return compiled;
};

const tryParse = (text: string): { value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
};

/** All of it, else the last fenced block, else what stands between the first bracket and the last: agents like to talk. */
const findJson = (text: string): { value: unknown } | undefined => {
  const whole = tryParse(text.trim());
  if (whole) return whole;
  const fenced = [...text.matchAll(/```(?:json)?\s*\n([^]*?)\n\s*```/g)].at(-1)?.[1];
  const block = fenced === undefined ? undefined : tryParse(fenced);
  if (block) return block;
  const from = text.search(/[[{]/);
  const to = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']'));
  return from >= 0 && to > from ? tryParse(text.slice(from, to + 1)) : undefined;
};

/** What an output means in the form that the step asks for. */
export const readOutput = (form: OutputForm, text: string): { data?: unknown; problem?: string } => {
  if (form === 'text') return {};
  if (form === 'lines') return { data: text.split('\n').filter((line) => line.trim() !== '') };
  if (form === 'json') {
    const found = tryParse(text);
    return found ? { data: found.value } : { problem: 'the output is not JSON' };
  }
  const found = findJson(text);
  if (!found) return { problem: 'the output is not JSON' };
  const result = compileSchema(form.schema).safeParse(found.value);
  if (result.success) return { data: result.data };
  const [issue] = result.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.map(String).join('.')}: ` : '';
  return { problem: `the output does not fit the schema: ${where}${issue?.message ?? ''}` };
};
