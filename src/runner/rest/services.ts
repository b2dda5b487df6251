import type { AgentEvent } from '../../core/run.js';
import { list, number, object, shown, text, type Json } from '../streams/json.js';

export interface Question {
  model: string;
  prompt: string;
  /** An earlier answer to go on from, where the service keeps them. */
  session: string | undefined;
}

/** How one service is asked, and what it answers. `hear` is kept for one answer. */
export interface Service {
  path: string;
  ask(question: Question): Json;
  hear(): (said: Json) => AgentEvent[];
}

/** A text after the answer that names what its numbers in brackets mean. */
const sources = (urls: readonly string[]): AgentEvent[] =>
  urls.length === 0
    ? []
    : [
        {
          kind: 'text',
          delta: true,
          text: `\n\nSources:\n${urls.map((url, at) => `[${at + 1}] ${url}`).join('\n')}\n`,
        },
      ];

const usageOf = (input: unknown, output: unknown): AgentEvent => ({
  kind: 'usage',
  usage: {
    ...(number(input) === undefined ? {} : { input_tokens: number(input)! }),
    ...(number(output) === undefined ? {} : { output_tokens: number(output)! }),
  },
});

/** Chat completions, with citations and its price. */
const perplexity: Service = {
  path: '/chat/completions',
  ask: ({ model, prompt }) => ({ model, stream: true, messages: [{ role: 'user', content: prompt }] }),
  hear: () => {
    let begun = false;
    let cited: string[] = [];
    return (said) => {
      const events: AgentEvent[] = [];
      if (!begun) events.push({ kind: 'session', session_id: shown(said['id']), model: shown(said['model']) });
      begun = true;
      const found = list(said['search_results']).map((one) => shown(object(one)['url']));
      const named = found.length > 0 ? found : list(said['citations']).map(shown);
      if (named.length > 0) cited = named.filter((url) => url !== '');
      const choice = object(list(said['choices'])[0]);
      const piece = text(object(choice['delta'])['content']);
      if (piece) events.push({ kind: 'text', text: piece, delta: true });
      if (text(choice['finish_reason']) === undefined) return events;
      const usage = object(said['usage']);
      events.push(...sources(cited), usageOf(usage['prompt_tokens'], usage['completion_tokens']));
      const usd = number(object(usage['cost'])['total_cost']);
      events.push({ kind: 'result', ok: true });
      if (usd !== undefined) events.push({ kind: 'cost', usd });
      return events;
    };
  },
};

/** The Responses API. */
const xai: Service = {
  path: '/responses',
  ask: ({ model, prompt, session }) => ({
    model,
    stream: true,
    input: prompt,
    ...(session === undefined ? {} : { previous_response_id: session }),
  }),
  hear: () => (said) => {
    const response = object(said['response']);
    const failure = object(response['error'] ?? said['error']);
    switch (said['type']) {
      case 'response.created':
        return [{ kind: 'session', session_id: shown(response['id']), model: shown(response['model']) }];
      case 'response.output_text.delta':
        return [{ kind: 'text', text: shown(said['delta']), delta: true }];
      case 'response.completed': {
        const usage = object(response['usage']);
        return [usageOf(usage['input_tokens'], usage['output_tokens']), { kind: 'result', ok: true }];
      }
      case 'response.incomplete':
      case 'response.failed':
      case 'error': {
        const why = shown(failure['message']) || shown(said['message']) || shown(response['incomplete_details']);
        return [{ kind: 'result', ok: false, message: why || 'it failed' }];
      }
      default:
        return [];
    }
  },
};

export const SERVICES = { perplexity, xai } as const;
export type ServiceName = keyof typeof SERVICES;
