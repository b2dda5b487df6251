import { z } from 'zod';
import { PATTERNS } from '../patterns/index.js';
import { spellingsOf } from '../patterns/pattern.js';
import { DESCRIPTIONS } from './descriptions.js';
import { kernelKinds } from './kernel/index.js';
import type { StepSchema } from './schema.js';
import { nameSchema, parametersSchema } from './file.js';
import { common } from './parts.js';

type Json = Record<string, unknown>;
type Properties = Record<string, Json>;

const described = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(described);
  if (schema === null || typeof schema !== 'object') return schema;
  const { properties, ...rest } = schema as Json;
  const found = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, described(one)]));
  if (properties === undefined) return found;
  return {
    ...found,
    properties: Object.fromEntries(
      Object.entries(properties as Properties).map(([key, one]) => {
        const description = DESCRIPTIONS[key];
        return [key, { ...(described(one) as Json), ...(description === undefined ? {} : { description }) }];
      }),
    ),
  };
};

/** What every step takes stands in the document once. */
const withShared = (schema: Json): Json => {
  const properties = schema['properties'] as Properties | undefined;
  if (properties === undefined) return schema;
  const shared = Object.fromEntries(
    Object.keys(properties).map((key) => [key, key in common ? { $ref: `#/$defs/${key}` } : properties[key]!]),
  );
  return { ...schema, properties: shared };
};

/** Definitions of a part become the document's own, each once. */
const hoister = () => {
  const names = new Map<string, string>();
  const definitions: Record<string, unknown> = {};
  const hoist = ({ $defs = {}, ...schema }: Json): Json => {
    let text = JSON.stringify(schema);
    for (const [local, definition] of Object.entries($defs as Properties)) {
      const known = JSON.stringify(definition);
      const name = names.get(known) ?? `part_${names.size + 1}`;
      names.set(known, name);
      const renamed = (json: string): string => json.replaceAll(`"#/$defs/${local}"`, `"#/$defs/${name}"`);
      definitions[name] ??= JSON.parse(renamed(known));
      text = renamed(text);
    }
    return JSON.parse(text) as Json;
  };
  return { hoist, definitions };
};

/** For editors: what may stand in a handler file. What only reading finds, as a step that is not there, is not in it. */
export const handlerJsonSchema = (): Json => {
  const { hoist, definitions } = hoister();
  const step = z.unknown() as unknown as StepSchema;
  const toJson = (schema: z.ZodType): Json => {
    const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => {
        if ((zodSchema as unknown) === step) Object.assign(jsonSchema, { $ref: '#/$defs/step' });
      },
    });
    return hoist(json);
  };
  const kinds = [
    ...Object.values(kernelKinds(step, () => '')),
    ...PATTERNS.flatMap((pattern) => spellingsOf(pattern.schema(step))),
  ];
  const steps = kinds.map((kind) => withShared(toJson(kind)));
  const isObject = (one: Json): one is Json & { properties: object } =>
    one['type'] === 'object' && typeof one['properties'] === 'object';
  const file = { name: toJson(nameSchema), description: { type: 'string' }, parameters: toJson(parametersSchema) };
  const plain: Json = {
    type: 'object',
    properties: { ...file, steps: { type: 'array', minItems: 1, items: { $ref: '#/$defs/step' } } },
    required: ['name', 'steps'],
    additionalProperties: false,
  };
  const asFile = (one: Json & { properties: object }): Json => ({
    ...one,
    properties: { ...one.properties, ...file },
    required: ['name', ...((one['required'] as string[] | undefined) ?? [])],
  });
  return described({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A handler of Conductor Loop',
    anyOf: [plain, ...steps.filter(isObject).map(asFile)],
    $defs: {
      ...Object.fromEntries(Object.entries(common).map(([key, schema]) => [key, toJson(schema)])),
      on_error: {
        anyOf: [
          toJson(common.on_error),
          { type: 'array', minItems: 1, items: { $ref: '#/$defs/step' } },
          { $ref: '#/$defs/step' },
        ],
      },
      step: { anyOf: steps },
      ...definitions,
    },
  }) as Json;
};
