// A model over HTTP that does what the prompt's SCRIPT says, in four languages, streamed: a program, so that agents are
// driven as they are in earnest. `main.ts [PORT]` prints its address. `GET /requests` gives what it was asked so far,
// `GET /heard?text=` how many requests held a text.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readAll } from 'node:stream/consumers';
import { anthropic } from './anthropic.js';
import { chat } from './chat.js';
import type { Dialect } from './dialect.js';
import { gemini } from './gemini.js';
import { responses } from './responses.js';
import { nextAnswer, type Json, type Talk } from './script.js';

const DIALECTS: readonly Dialect[] = [anthropic, responses, gemini, chat];

/** What was asked, as tests look at it. */
export interface Asked extends Talk {
  dialect: string;
  path: string;
  headers: IncomingMessage['headers'];
  model: unknown;
}

const asked: Asked[] = [];
const served = new Map<string, number>();
const others: string[] = [];
const bodies: string[] = [];

const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

const speak = (response: ServerResponse, dialect: Dialect, request: Asked, streamed: boolean): void => {
  const answer = nextAnswer(request, served);
  if ('status' in answer) {
    const { status, retry_after, message = `the script says ${status}` } = answer;
    json(response, status, dialect.failure(status, message), {
      ...(retry_after === undefined ? {} : { 'retry-after': String(retry_after) }),
    });
    return;
  }
  const lines =
    'say' in answer || 'call' in answer ? dialect.answer(answer, asked.length) : dialect.answer({ say: 'half of' }, 0);
  if (!streamed && dialect.name === 'gemini') {
    json(response, 200, Object.assign({}, ...lines.map(({ data }) => data).reverse()));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  if ('hang' in answer) return;
  for (const { event, data } of 'drop' in answer ? lines.slice(0, 1) : lines)
    response.write(
      `${event === undefined ? '' : `event: ${event}\n`}data: ${data === '[DONE]' ? data : JSON.stringify(data)}\n\n`,
    );
  if ('drop' in answer) setImmediate(() => response.destroy());
  else response.end();
};

const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (pathname === '/heard') {
    const text = searchParams.get('text') ?? '';
    return json(response, 200, { times: bodies.filter((body) => body.includes(text)).length });
  }
  if (pathname === '/requests') return json(response, 200, { asked, others });
  const body = await readAll(request);
  const dialect = DIALECTS.find(({ path }) => path.test(pathname));
  if (!dialect || request.method !== 'POST') {
    others.push(`${request.method} ${request.url}`);
    if (pathname.endsWith('count_tokens')) return json(response, 200, { input_tokens: 100 });
    if (pathname.endsWith(':countTokens')) return json(response, 200, { totalTokens: 100 });
    if (/^\/v1\/models$/.test(pathname)) return json(response, 200, { object: 'list', data: [] });
    return json(response, 404, { error: { message: `nothing at ${pathname}` } });
  }
  const said = JSON.parse(body) as Json;
  const talk = dialect.hear(said);
  const one = { ...talk, dialect: dialect.name, path: pathname, headers: request.headers, model: said['model'] };
  asked.push(one);
  bodies.push(body);
  speak(response, dialect, one, pathname.endsWith(':streamGenerateContent') || said['stream'] === true);
};

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => json(response, 500, { error: { message: String(error) } }));
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
