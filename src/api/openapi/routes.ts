import { z } from 'zod';
import { endpoint, type Endpoint } from '../endpoint.js';
import { openapiOf } from './document.js';
import { pageOf } from './page.js';

/** The document about all the others, and about itself. */
export const openapiRoutes = (others: readonly Endpoint[], version: string): Endpoint[] => {
  const all: Endpoint[] = [
    ...others,
    endpoint({
      method: 'get',
      path: '/api/v1/openapi.json',
      summary: 'All endpoints, as OpenAPI 3.1.',
      scopes: ['read', 'run'],
      answer: z.looseObject({ openapi: z.literal('3.1.0') }),
      handle: () => document as { openapi: '3.1.0' },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/docs',
      summary: 'All endpoints, as a page.',
      scopes: ['read'],
      media: 'text/html; charset=utf-8',
      handle: () => pageOf(all),
    }),
  ];
  const document = openapiOf(all, version);
  return all.slice(others.length);
};
