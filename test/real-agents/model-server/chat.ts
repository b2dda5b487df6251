import { list, object, talkOf, textOf, type Dialect } from './dialect.js';

/** Chat completions. */
export const chat: Dialect = {
  name: 'chat',
  path: /^(?:\/v1)?\/chat\/completions$/,
  hear: (body) =>
    talkOf(
      list(body['messages']).map((message) =>
        message['role'] === 'user'
          ? { prompt: textOf(message['content'], 'text') }
          : { calls: list(message['tool_calls']).length },
      ),
      list(body['tools']).map((tool) => String(object(tool['function'])['name'])),
    ),
  answer(said, number) {
    const common = { id: `chatcmpl-${number}`, object: 'chat.completion.chunk', created: 0, model: 'fake-model' };
    const delta =
      'say' in said
        ? { role: 'assistant', content: said.say }
        : {
            role: 'assistant',
            tool_calls: [
              {
                ...{ index: 0, id: `call_${number}`, type: 'function' },
                function: { name: said.call, arguments: JSON.stringify(said.input) },
              },
            ],
          };
    const finish_reason = 'say' in said ? 'stop' : 'tool_calls';
    const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
    return [
      { data: { ...common, choices: [{ index: 0, delta, finish_reason: null }] } },
      { data: { ...common, choices: [{ index: 0, delta: {}, finish_reason }], usage } },
      { data: '[DONE]' },
    ];
  },
  failure: (status, message) => ({ error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error' } }),
};
