import type { AttemptSpec, Runs } from '../core/ports.js';
import { tokensOf, type Spent, type Usage } from '../core/run.js';
import type { Price } from './agents/backend.js';
import type { RawFolder } from './raw-folder.js';
import type { Family } from './streams/family.js';

/** By the runs that the run started, as far as they have ended. */
export const spentBelow = (raw: RawFolder): Spent => {
  const sum = { usd: 0, tokens: 0 };
  for (const { spent } of raw.children()) {
    sum.usd += spent?.usd ?? 0;
    sum.tokens += spent?.tokens ?? 0;
  }
  return sum;
};

/** What a resumed session tells of the runs before. */
export interface Before {
  cost_before?: number;
  tokens_before?: Usage;
}

/** Every session tells its cost from its beginning on, and that of codex its tokens, too. */
export const spentBefore = async (
  runs: Runs,
  { resume_session, project_id, task_id }: AttemptSpec,
  family: Family | undefined,
): Promise<Before> => {
  if (resume_session === undefined) return {};
  let usd = 0;
  const tokens = { input_tokens: 0, output_tokens: 0 };
  for await (const run of runs.list({ project_id, task_id })) {
    if (run.session_id !== resume_session) continue;
    usd += run.cost_usd ?? 0;
    tokens.input_tokens += run.usage?.input_tokens ?? 0;
    tokens.output_tokens += run.usage?.output_tokens ?? 0;
  }
  return {
    ...(usd > 0 ? { cost_before: usd } : {}),
    ...(family === 'codex' && tokensOf(tokens) > 0 ? { tokens_before: tokens } : {}),
  };
};

const minus = (usage: Usage, before: Usage): Usage => ({
  input_tokens: Math.max(0, (usage.input_tokens ?? 0) - (before.input_tokens ?? 0)),
  output_tokens: Math.max(0, (usage.output_tokens ?? 0) - (before.output_tokens ?? 0)),
});

const priceOf = ({ input_tokens = 0, output_tokens = 0 }: Usage, { input, output }: Price): number =>
  (input_tokens * input + output_tokens * output) / 1_000_000;

/** What this run alone used up, of what its agent told. */
export const ownSpending = (
  told: { usage: Usage | undefined; cost_usd: number | undefined },
  { cost_before = 0, tokens_before }: Before,
  price: Price | undefined,
): { usage?: Usage; cost_usd?: number } => {
  const usage = told.usage && tokens_before ? minus(told.usage, tokens_before) : told.usage;
  const cost_usd =
    told.cost_usd === undefined ? usage && price && priceOf(usage, price) : Math.max(0, told.cost_usd - cost_before);
  return { ...(usage === undefined ? {} : { usage }), ...(cost_usd === undefined ? {} : { cost_usd }) };
};
