/** What one turn of the loop knows of the ones before. */
export interface LoopNews {
  /** From 1. */
  turn: number;
  /** Absolute path of the file that ends the loop. */
  done: string;
  verify: string | undefined;
  /** How the last turn ended, and what it said last. */
  last: { outcome: string; output: string } | undefined;
  /** What the check said of a DONE that did not count. */
  refused: string | undefined;
  /** What was said in the task since, a line each. */
  messages: readonly string[];
  /** What lies in the folder. */
  changes: string;
}

const OUTPUT_SHOWN = 4_000;
const MESSAGES_SHOWN = 20;

const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, '    ');
const part = (title: string, text: string): string => (text.trim() === '' ? '' : `\n${title}:\n\n${indented(text)}\n`);

/** The prompt of one turn: what is to do, how it ends, and what was before. */
export const loopPrompt = (prompt: string, news: LoopNews): string => {
  const check = news.verify === undefined ? '' : ` It counts only when \`${news.verify}\` succeeds.`;
  const rules = `This is turn ${news.turn} of a loop: you are started again until the file ${news.done} exists.
Create it when everything is done, and not before.${check} Leave what the next turn needs to know in the folder itself.`;
  const { last } = news;
  return `${prompt}\n\n---\n\n${rules}\n${part('The check failed', news.refused?.slice(-OUTPUT_SHOWN) ?? '')}${part(
    `The last turn ${last?.outcome ?? ''}; it said`,
    last?.output.slice(-OUTPUT_SHOWN) ?? '',
  )}${part('Said in this task since', news.messages.slice(-MESSAGES_SHOWN).join('\n'))}${part('The folder', news.changes)}`;
};
