import type { AgentEvent } from '../../core/run.js';
import { list, maybe, number, object, shown, text, usageOf, type Json } from './json.js';

const toolOutput = (content: unknown): string =>
  Array.isArray(content) ? content.map((part) => text(object(part)['text']) ?? shown(part)).join('\n') : shown(content);

const fromSystem = (line: Json): AgentEvent[] => {
  switch (line['subtype']) {
    case 'init':
      return [{ kind: 'session', session_id: shown(line['session_id']), ...maybe('model', text(line['model'])) }];
    case 'api_retry':
      return [
        {
          kind: 'retry',
          message: `attempt ${shown(line['attempt'])} of ${shown(line['max_retries'])}: ${shown(line['error'])} (status ${shown(line['error_status'])})`,
        },
      ];
    case 'permission_denied':
      return [{ kind: 'warning', message: `${shown(line['tool_name'])} was denied: ${shown(line['message'])}` }];
    default:
      return [];
  }
};

const fromAssistant = (line: Json): AgentEvent[] => {
  const content = list(object(line['message'])['content']).map(object);
  // The CLI itself speaks here when the API failed; it is no answer of the model.
  if (text(line['error']) !== undefined) {
    const said = content.map((part) => text(part['text']) ?? '').join('');
    return [{ kind: 'error', message: said === '' ? shown(line['error']) : `${shown(line['error'])}: ${said}` }];
  }
  const { id, usage } = object(line['message']);
  const said = content.flatMap((part): AgentEvent[] => {
    if (part['type'] === 'text') return [{ kind: 'text', text: shown(part['text']) }];
    if (part['type'] === 'tool_use') return [{ kind: 'tool_call', name: shown(part['name']), input: part['input'] }];
    return [];
  });
  // A message may come as several lines, each with the usage of all of it.
  if (text(id) === undefined || usage === undefined) return said;
  return [...said, { kind: 'usage', usage: usageOf(usage), message: shown(id) }];
};

const fromUser = (line: Json): AgentEvent[] =>
  list(object(line['message'])['content'])
    .map(object)
    .filter((part) => part['type'] === 'tool_result')
    .map((part) => ({ kind: 'tool_result', ok: part['is_error'] !== true, output: toolOutput(part['content']) }));

const fromResult = (line: Json): AgentEvent[] => {
  const events: AgentEvent[] = [{ kind: 'usage', usage: usageOf(line['usage']) }];
  // A failed API call ends with the subtype "success": only is_error tells.
  const ok = line['is_error'] === false;
  const { structured_output } = line;
  const said = structured_output === undefined ? text(line['result']) : JSON.stringify(structured_output);
  const subtype = text(line['subtype']);
  const why = [
    said,
    list(line['errors']).map(shown).join('; '),
    subtype === 'success' ? '' : subtype,
    text(line['terminal_reason']),
  ];
  const status = number(line['api_error_status']);
  const message = `${why.filter((part) => part).join(' · ')}${status === undefined ? '' : ` (status ${status})`}`;
  events.push({ kind: 'result', ok, ...maybe('text', said), ...(ok ? {} : { message }) });
  const usd = number(line['total_cost_usd']);
  if (usd !== undefined) events.push({ kind: 'cost', usd });
  return events;
};

/** `claude --output-format stream-json`; qwen and grok speak it too. */
export const parseClaude = (line: Json): AgentEvent[] => {
  switch (line['type']) {
    case 'system':
      return fromSystem(line);
    case 'assistant':
      return fromAssistant(line);
    case 'user':
      return fromUser(line);
    case 'result':
      return fromResult(line);
    default:
      return [];
  }
};
