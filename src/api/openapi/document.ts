import { z } from 'zod';
import { CATALOGUE, type ErrorCode } from '../../core/errors.js';
import type { Endpoint } from '../endpoint.js';

type Json = Record<string, unknown>;

const errorShape = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
});

/** Every endpoint may answer with these. */
const ALWAYS: readonly ErrorCode[] = ['bad_request', 'forbidden', 'rate_limited', 'unavailable', 'internal'];

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _draft, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return json;
};

const parametersOf = (schema: z.ZodType | undefined, where: 'path' | 'query'): Json[] => {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, one]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: one,
  }));
};

const errorsOf = (one: Endpoint): Json => {
  const codes = [...ALWAYS, ...(one.scopes === 'anyone' ? [] : (['unauthorized'] as const)), ...(one.errors ?? [])];
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { status } = CATALOGUE[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      String(status),
      {
        description: names.join(', '),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  );
};

const answerOf = (one: Endpoint): Json => {
  if (one.media !== undefined) {
    const media = one.media.split(';')[0] ?? one.media;
    return { description: 'As asked for.', content: { [media]: { schema: { type: 'string' } } } };
  }
  return {
    description: 'As asked for.',
    content: { 'application/json': { schema: one.answer ? schemaOf(one.answer, 'output') : {} } },
  };
};

const operationOf = (one: Endpoint): Json => ({
  summary: one.summary,
  tags: [one.path.split('/')[3] ?? 'page'],
  operationId: `${one.method} ${one.path}`.replace(/[^A-Za-z0-9]+/g, '_'),
  ...(one.scopes === 'anyone' ? { security: [] } : { 'x-scopes': one.scopes }),
  parameters: [...parametersOf(one.params, 'path'), ...parametersOf(one.query, 'query')],
  ...(one.body
    ? {
        requestBody: {
          required: !one.body.safeParse({}).success,
          content: { 'application/json': { schema: schemaOf(one.body, 'input') } },
        },
      }
    : {}),
  responses: { [String(one.status ?? 200)]: answerOf(one), ...errorsOf(one) },
});

/** The document of OpenAPI 3.1, made of the schemas that check the requests. */
export const openapiOf = (endpoints: readonly Endpoint[], version: string): Json => {
  const paths: Record<string, Json> = {};
  for (const one of endpoints) {
    const path = one.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [one.method]: operationOf(one) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Conductor Loop', version, description: 'Events, rules, handlers and runs, over HTTP.' },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { page: [] }],
    paths,
    components: {
      schemas: { Error: schemaOf(errorShape, 'output') },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        page: { type: 'apiKey', in: 'cookie', name: 'conductor_session' },
      },
    },
  };
};
