// Asks a service over HTTP and writes what it answers as lines of JSON: a process, so that it is stopped, capped,
// adopted and redacted like any other agent. `main.js SERVICE BASE_URL MODEL [SESSION]`; the prompt comes on stdin, the
// key in CONDUCTOR_REST_KEY.
import { text as readAll } from 'node:stream/consumers';
import type { AgentEvent } from '../../core/run.js';
import { SERVICES, type ServiceName } from './services.js';
import { serverSentEvents } from './sse.js';

const say = (event: AgentEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const failure = (message: string): number => {
  say({ kind: 'result', ok: false, message });
  return 1;
};

const SHOWN = 2_000;

const main = async ([name = '', base = '', model = '', session]: string[]): Promise<number> => {
  const service = SERVICES[name as ServiceName];
  const prompt = await readAll(process.stdin);
  let response: Response;
  try {
    response = await fetch(`${base.replace(/\/+$/, '')}${service.path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${process.env['CONDUCTOR_REST_KEY'] ?? ''}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify(service.ask({ model, prompt, session })),
      // A key goes to the service that was named, and nowhere else.
      redirect: 'error',
    });
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
    return failure(`network: ${message}: ${cause?.code ?? cause?.message ?? ''}`);
  }
  if (!response.ok || response.body === null) {
    const after = response.headers.get('retry-after');
    const said = (await response.text().catch(() => '')).slice(0, SHOWN);
    const when = after === null ? '' : `, retry-after: ${after}`;
    return failure(`status ${response.status} ${response.statusText}${when}: ${said}`);
  }
  const hear = service.hear();
  let ended: boolean | undefined;
  try {
    for await (const said of serverSentEvents(response.body)) {
      for (const event of hear(said)) {
        say(event);
        if (event.kind === 'result') ended = event.ok;
      }
    }
  } catch (error) {
    if (ended === undefined) return failure(`network: the stream broke: ${(error as Error).message}`);
  }
  if (ended === undefined) return failure('network: the stream ended before the answer did');
  return ended ? 0 : 1;
};

process.exitCode = await main(process.argv.slice(2));
