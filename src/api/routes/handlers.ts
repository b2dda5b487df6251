import { z } from 'zod';
import { ConductorError } from '../../core/errors.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

const handlerRow = {
  name: z.string(),
  description: z.string().optional(),
  hash: z.string(),
  file: z.string(),
};

export const handlerRoutes = ({ handlers }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/handlers',
    summary: 'The handlers.',
    scopes: ['read'],
    answer: z.strictObject({ handlers: z.array(z.strictObject({ ...handlerRow, steps: z.int() })) }),
    handle: () => ({
      handlers: handlers.list().map(({ name, description, hash, file, steps }) => ({
        name,
        ...(description === undefined ? {} : { description }),
        hash,
        file,
        steps: steps.length,
      })),
    }),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/handlers/:name',
    summary: 'One handler with its tree of steps.',
    scopes: ['read'],
    params: z.strictObject({ name: z.string().max(200) }),
    answer: z.strictObject({ ...handlerRow, steps: z.array(z.looseObject({})) }),
    errors: ['not_found'],
    handle: ({ params }) => {
      const handler = handlers.list().find(({ name }) => name === params.name);
      if (!handler) throw new ConductorError('not_found', `there is no handler "${params.name}"`);
      const { name, description, hash, file, steps } = handler;
      return {
        name,
        ...(description === undefined ? {} : { description }),
        hash,
        file,
        steps: steps.map((step) => ({ ...step })),
      };
    },
  }),
];
