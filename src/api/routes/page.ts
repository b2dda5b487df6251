import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

const FILES = ['page.css', 'page.js', 'api.js', 'approvals.js', 'messages.js', 'output.js', 'runs.js'] as const;

/** The page itself holds nothing that anybody may not see; what it shows, it asks for with its cookie. */
export const pageRoutes = ({ uiFolder }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/',
    also: ['/ui'],
    summary: 'The page.',
    scopes: 'anyone',
    media: 'text/html; charset=utf-8',
    handle: () => readFile(join(uiFolder, 'index.html'), 'utf8'),
  }),
  endpoint({
    method: 'get',
    path: '/ui/:file',
    summary: 'What the page is made of.',
    scopes: 'anyone',
    params: z.strictObject({ file: z.enum(FILES) }),
    media: 'text/javascript; charset=utf-8',
    handle: async ({ params, ctx }) => {
      const text = await readFile(join(uiFolder, params.file), 'utf8');
      ctx.state['media'] = params.file.endsWith('.css') ? 'text/css; charset=utf-8' : undefined;
      return text;
    },
  }),
];
