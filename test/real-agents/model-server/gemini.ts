import { list, object, talkOf, type Dialect } from './dialect.js';

/** generateContent, streamed. */
export const gemini: Dialect = {
  name: 'gemini',
  path: /^\/v1(?:beta)?\/models\/[^/]+:(?:streamG|g)enerateContent$/,
  hear: (body) =>
    talkOf(
      list(body['contents']).map(({ role, parts }) =>
        role === 'model'
          ? { calls: list(parts).filter((part) => part['functionCall'] !== undefined).length }
          : {
              prompt: list(parts)
                .map((part) => (typeof part['text'] === 'string' ? part['text'] : ''))
                .join('\n')
                .trim(),
            },
      ),
      list(body['tools']).flatMap((tool) => list(tool['functionDeclarations']).map(({ name }) => String(name))),
    ),
  answer(said, number) {
    const part = 'say' in said ? { text: said.say } : { functionCall: { name: said.call, args: said.input } };
    const common = { modelVersion: 'fake-model', responseId: `response-${number}` };
    const content = { role: 'model', parts: [part] };
    return [
      { data: { ...common, candidates: [{ content, index: 0 }] } },
      {
        data: {
          ...common,
          candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, finishReason: 'STOP', index: 0 }],
          usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 20, totalTokenCount: 120 },
        },
      },
    ].map(({ data }) => ({ data: object(data) }));
  },
  failure(status, message) {
    const names: Record<number, string> = {
      400: 'INVALID_ARGUMENT',
      401: 'UNAUTHENTICATED',
      429: 'RESOURCE_EXHAUSTED',
    };
    return { error: { code: status, message, status: names[status] ?? 'UNAVAILABLE' } };
  },
};
