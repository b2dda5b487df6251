import type { AgentEvent } from '../../core/run.js';
import { parseClaude } from './claude.js';
import { parseCodex } from './codex.js';
import { parseGemini } from './gemini.js';
import { parseOwn } from './own.js';

/** One line of JSON, parsed, to what it says. It remembers nothing, so an adopter may begin anywhere. */
export type Parse = (line: Record<string, unknown>) => AgentEvent[];

export const FAMILIES = { claude: parseClaude, codex: parseCodex, gemini: parseGemini, own: parseOwn } satisfies Record<
  string,
  Parse
>;
export type Family = keyof typeof FAMILIES;

/** A line of a stream. CLIs mix plain text into it now and then; that is shown, and decides nothing. */
export const parseLine = (family: Family, line: string): AgentEvent[] => {
  if (line.trim() === '') return [];
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return [{ kind: 'warning', message: line }];
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ kind: 'warning', message: line }];
  return FAMILIES[family](value as Record<string, unknown>);
};
