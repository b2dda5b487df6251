import type { AgentEvent } from '../../core/run.js';
import { text, type Json } from './json.js';

const KINDS = new Set([
  ...['session', 'text', 'tool_call', 'tool_result', 'usage', 'cost', 'retry', 'warning', 'result', 'error'],
]);

/** What our own programs write: the events themselves. */
export const parseOwn = (line: Json): AgentEvent[] =>
  KINDS.has(text(line['kind']) ?? '') ? [line as unknown as AgentEvent] : [];
