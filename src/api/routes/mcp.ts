import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { Context } from 'koa';
import { z } from 'zod';
import type { Caller } from '../access/caller.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { perform } from '../mcp/perform.js';
import { createMcpServer } from '../mcp/server.js';
import { TOOL_NAMES } from '../mcp/tools.js';

/** Aborted when the client leaves. */
const leaving = (ctx: Context): AbortSignal => {
  const gone = new AbortController();
  ctx.res.once('close', () => {
    if (!ctx.res.writableFinished) gone.abort();
  });
  return gone.signal;
};

export const mcpRoutes = (options: ApiOptions): Endpoint[] => {
  /** A run, or a person with the right to write. One server a request: nothing is remembered between them. */
  const serve = async (ctx: Context, caller: Caller): Promise<undefined> => {
    const handler = createMcpHandler(
      () => createMcpServer((name, input, signal) => perform(options, caller, name, input, signal), options.version),
      { onerror: (error) => options.log.warn('an MCP request was refused', { reason: error.message }) },
    );
    const headers = new Headers();
    for (const [name, value] of Object.entries(ctx.req.headers))
      if (typeof value === 'string' && name !== 'content-length') headers.set(name, value);
    const request = new Request(`http://localhost${ctx.path}`, {
      method: ctx.method,
      headers,
      signal: leaving(ctx),
      ...(ctx.method === 'POST' ? { body: ctx.state['rawBody'] as Buffer<ArrayBuffer> } : {}),
    });
    const answer = await handler.fetch(request);
    ctx.status = answer.status;
    for (const [name, value] of answer.headers) if (name !== 'content-length') ctx.set(name, value);
    ctx.body = answer.body === null ? '' : Readable.fromWeb(answer.body as ReadableStream<Uint8Array>);
    return undefined;
  };

  return [
    endpoint({
      method: 'post',
      path: '/api/v1/mcp',
      also: ['/mcp'],
      summary: 'The Model Context Protocol (streamable HTTP): the tools of an agent.',
      scopes: ['write', 'run'],
      media: 'application/json',
      handle: ({ ctx, caller }) => serve(ctx, caller),
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/tools/:name',
      summary: 'One tool of the Model Context Protocol, called over plain HTTP.',
      scopes: ['write', 'run'],
      params: z.strictObject({ name: z.enum(TOOL_NAMES) }),
      body: z.record(z.string(), z.unknown()),
      answer: z.strictObject({ result: z.union([z.string(), z.record(z.string(), z.unknown())]) }),
      errors: ['not_found', 'too_deep', 'unknown_agent'],
      handle: async ({ ctx, params, body, caller }) => ({
        result: await perform(options, caller, params.name, body, leaving(ctx)),
      }),
    }),
  ];
};
