import type { Answer, Json, Talk } from './script.js';

export type Said = Extract<Answer, { say: string } | { call: string }>;

/** One language in which models are asked over HTTP. */
export interface Dialect {
  name: string;
  /** Of the path, without its query. */
  path: RegExp;
  hear(body: Json): Talk;
  /** Server-sent events; `event` where the language names them. */
  answer(said: Said, number: number): { event?: string; data: Json | '[DONE]' }[];
  failure(status: number, message: string): Json;
}

export const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
export const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

/** What is said in a content that is a text or a list of parts of one type. */
export const textOf = (content: unknown, type: string): string =>
  typeof content === 'string'
    ? content
    : list(content)
        .filter((part) => part['type'] === type)
        .map((part) => String(part['text']))
        .join('\n');

/** Puts one message after the other: a new prompt, or so many calls since the last one. */
export const talkOf = (messages: readonly { prompt?: string; calls?: number }[], tools: string[]): Talk => {
  const prompts: Talk['prompts'] = [];
  for (const { prompt = '', calls = 0 } of messages) {
    if (prompt !== '') prompts.push({ text: prompt, calls: 0 });
    const last = prompts.at(-1);
    if (last) last.calls += calls;
  }
  return { prompts, tools };
};
