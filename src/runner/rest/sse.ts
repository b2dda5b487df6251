/** The data of each server-sent event of a body, parsed as JSON; what is no JSON, as `[DONE]`, is left out. */
export async function* serverSentEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<Record<string, unknown>> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  const flush = (): Record<string, unknown> | undefined => {
    const text = data.join('\n');
    data = [];
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
    } catch {
      return undefined;
    }
  };
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
      if (line !== '') continue;
      const value = flush();
      if (value !== undefined) yield value;
    }
  }
  if (rest.startsWith('data:')) data.push(rest.slice(5).trimStart());
  const last = flush();
  if (last !== undefined) yield last;
}
