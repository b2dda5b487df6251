import { list, object, talkOf, textOf, type Dialect } from './dialect.js';
import { SEARCH } from './script.js';

/** Messages. */
export const anthropic: Dialect = {
  name: 'anthropic',
  path: /^\/v1\/messages$/,
  hear: (body) =>
    talkOf(
      list(body['messages']).map(({ role, content }) =>
        role === 'user'
          ? { prompt: textOf(content, 'text') }
          : { calls: list(content).filter((part) => part['type'] === 'tool_use' && part['name'] !== SEARCH).length },
      ),
      list(body['tools']).map((tool) => String(tool['name'])),
    ),
  answer(said, number) {
    const usage = { input_tokens: 100, output_tokens: 20, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    const message = {
      ...{ id: `msg_${number}`, type: 'message', role: 'assistant', model: 'fake-model', content: [] },
      ...{ stop_reason: null, stop_sequence: null, usage },
    };
    const [block, delta, stop_reason] =
      'say' in said
        ? [{ type: 'text', text: '' }, { type: 'text_delta', text: said.say }, 'end_turn']
        : [
            { type: 'tool_use', id: `toolu_${number}`, name: said.call, input: {} },
            { type: 'input_json_delta', partial_json: JSON.stringify(said.input) },
            'tool_use',
          ];
    return [
      { type: 'message_start', message },
      { type: 'content_block_start', index: 0, content_block: block },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 20 } },
      { type: 'message_stop' },
    ].map((data) => ({ event: data.type, data: object(data) }));
  },
  failure(status, message) {
    const types: Record<number, string> = {
      400: 'invalid_request_error',
      401: 'authentication_error',
      429: 'rate_limit_error',
      529: 'overloaded_error',
    };
    return { type: 'error', error: { type: types[status] ?? 'api_error', message } };
  },
};
