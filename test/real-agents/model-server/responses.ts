import { list, object, talkOf, textOf, type Dialect } from './dialect.js';
import type { Json } from './script.js';

/** Tools of an MCP server stand in a namespace, and are called by both names. */
const toolNames = (tools: unknown): string[] =>
  list(tools).flatMap((tool) =>
    tool['type'] === 'namespace'
      ? list(tool['tools']).map((inner) => `${String(tool['name'])} ${String(inner['name'])}`)
      : [String(tool['name'])],
  );

const CALLS = new Set(['function_call', 'custom_tool_call', 'local_shell_call']);

/** Responses. */
export const responses: Dialect = {
  name: 'responses',
  path: /^\/v1\/responses$/,
  hear: ({ input, tools }) =>
    talkOf(
      typeof input === 'string'
        ? [{ prompt: input }]
        : list(input).map((item) =>
            item['role'] === 'user'
              ? { prompt: textOf(item['content'], 'input_text') }
              : { calls: CALLS.has(String(item['type'])) ? 1 : 0 },
          ),
      [...toolNames(tools), ...list(input).flatMap((item) => toolNames(item['tools']))],
    ),
  answer(said, number) {
    const id = `resp_${number}`;
    const usage = {
      ...{ input_tokens: 100, input_tokens_details: { cached_tokens: 10 } },
      ...{ output_tokens: 20, output_tokens_details: { reasoning_tokens: 5 }, total_tokens: 120 },
    };
    const response = { id, object: 'response', model: 'fake-model', status: 'in_progress', output: [] as Json[] };
    const events: Json[] = [{ type: 'response.created', response }];
    let item: Json;
    if ('say' in said) {
      const part = { type: 'output_text', text: said.say, annotations: [] };
      item = { type: 'message', id: `msg_${number}`, role: 'assistant', status: 'completed', content: [part] };
      const where = { item_id: item['id'], output_index: 0, content_index: 0 };
      events.push(
        { type: 'response.output_item.added', output_index: 0, item: { ...item, content: [] } },
        { type: 'response.content_part.added', ...where, part: { ...part, text: '' } },
        { type: 'response.output_text.delta', ...where, delta: said.say },
        { type: 'response.output_text.done', ...where, text: said.say },
      );
    } else {
      const [namespace, name] = said.call.includes(' ') ? said.call.split(' ') : [undefined, said.call];
      item =
        typeof said.input['code'] === 'string' && namespace !== undefined
          ? {
              ...{ type: 'custom_tool_call', id: `ctc_${number}`, call_id: `call_${number}`, status: 'completed' },
              ...{ namespace, name, input: said.input['code'] },
            }
          : {
              ...{ type: 'function_call', id: `fc_${number}`, call_id: `call_${number}`, status: 'completed' },
              ...(namespace === undefined ? {} : { namespace }),
              ...{ name, arguments: JSON.stringify(said.input) },
            };
      events.push({ type: 'response.output_item.added', output_index: 0, item });
    }
    events.push(
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: { ...response, status: 'completed', output: [item], usage } },
    );
    return events.map((data) => ({ event: String(data['type']), data: object(data) }));
  },
  failure(status, message) {
    const codes: Record<number, string> = { 401: 'invalid_api_key', 429: 'rate_limit_exceeded' };
    return { error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', code: codes[status] } };
  },
};
