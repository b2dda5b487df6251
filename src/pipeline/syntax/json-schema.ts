import { z } from 'zod';
import { PATTERNS } from '../patterns/index.js';
import { spellingsOf } from '../patterns/pattern.js';
import { kernelKinds, type StepSchema } from './kernel.js';
import { nameSchema } from './file.js';

/** For editors: what may stand in a handler file. What only reading finds, as a step that is not there, is not in it. */
export const handlerJsonSchema = (): Record<string, unknown> => {
  const step = z.unknown() as unknown as StepSchema;
  const kinds = [
    ...Object.values(kernelKinds(step, () => '')),
    ...PATTERNS.flatMap((pattern) => spellingsOf(pattern.schema(step))),
  ];
  const toJson = (schema: z.ZodType): Record<string, unknown> => {
    const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => {
        if ((zodSchema as unknown) === step) Object.assign(jsonSchema, { $ref: '#/$defs/step' });
      },
    });
    return json;
  };
  const steps = kinds.map(toJson);
  const name = toJson(nameSchema);
  const description = { type: 'string' };
  const isObject = (one: Record<string, unknown>): one is { properties: object } & Record<string, unknown> =>
    one['type'] === 'object' && typeof one['properties'] === 'object';
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A handler of Conductor Loop',
    anyOf: [
      {
        type: 'object',
        properties: { name, description, steps: { type: 'array', minItems: 1, items: { $ref: '#/$defs/step' } } },
        required: ['name', 'steps'],
        additionalProperties: false,
      },
      ...steps.filter(isObject).map((one) => ({
        ...one,
        properties: { name, description, ...one.properties },
        required: ['name', ...((one['required'] as string[] | undefined) ?? [])],
      })),
    ],
    $defs: { step: { anyOf: steps } },
  };
};
