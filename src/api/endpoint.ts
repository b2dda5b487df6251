import type { IncomingHttpHeaders } from 'node:http';
import type { Context } from 'koa';
import type { z } from 'zod';
import type { ErrorCode } from '../core/errors.js';
import type { Caller, Scope } from './access/caller.js';

interface Input<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  params: z.output<P>;
  query: z.output<Q>;
  body: z.output<B>;
  caller: Caller;
  ctx: Context;
}

/** One method of one path: what it takes, what it answers, who may. The router and the OpenAPI document are made of these. */
export interface Endpoint<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
  A extends z.ZodType = z.ZodType,
> {
  method: 'get' | 'post' | 'put' | 'delete';
  /** As `/api/v1/runs/:run_id`. */
  path: string;
  /** Short names of the same. */
  also?: readonly string[];
  /** One line for people. */
  summary: string;
  /** Any one of these scopes is enough; `anyone` needs no credential. */
  scopes: readonly Scope[] | 'anyone';
  params?: P;
  /** Without one, no query is taken. */
  query?: Q;
  /** JSON. Without one, a body is not looked at. */
  body?: B;
  /** Makes what `body` checks of the request; default: its bytes as JSON. */
  read?(headers: IncomingHttpHeaders, rawBody: Buffer): unknown;
  /** Default 200. */
  status?: 200 | 201 | 202;
  /** JSON of this shape. */
  answer?: A;
  /** Anything else: `handle` gives a text or a stream of this media type, and nothing where it answers by itself. */
  media?: string;
  /** Beside those that every endpoint may answer with. */
  errors?: readonly ErrorCode[];
  handle(input: Input<P, Q, B>): z.input<A> | Promise<z.input<A>>;
}

/** Forgets the types of the parts once they have been checked against each other. */
export const endpoint = <
  P extends z.ZodType = z.ZodUndefined,
  Q extends z.ZodType = z.ZodUndefined,
  B extends z.ZodType = z.ZodUndefined,
  A extends z.ZodType = z.ZodUnknown,
>(
  one: Endpoint<P, Q, B, A>,
): Endpoint => one;
