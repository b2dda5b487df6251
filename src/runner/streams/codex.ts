import type { AgentEvent } from '../../core/run.js';
import { list, object, shown, text, usageOf, type Json } from './json.js';

const nameOfTool = (item: Json): string =>
  item['type'] === 'mcp_tool_call' ? `${shown(item['server'])}.${shown(item['tool'])}` : shown(item['type']);

const inputOfTool = (item: Json): unknown => {
  switch (item['type']) {
    case 'command_execution':
      return { command: item['command'] };
    case 'file_change':
      return { changes: item['changes'] };
    case 'mcp_tool_call':
      return item['arguments'];
    default:
      return { query: item['query'] };
  }
};

const TOOLS = new Set(['command_execution', 'file_change', 'mcp_tool_call', 'web_search']);

const resultOfTool = (item: Json): AgentEvent => {
  const failed = item['status'] === 'failed' || (item['error'] !== undefined && item['error'] !== null);
  const said = list(object(item['result'])['content']).map((part) => text(object(part)['text']) ?? shown(part));
  const output =
    text(item['aggregated_output']) ??
    (failed ? shown(object(item['error'])['message'] ?? item['error']) : said.join('\n'));
  return { kind: 'tool_result', name: nameOfTool(item), ok: !failed, output };
};

const fromItem = (stage: 'started' | 'completed', item: Json): AgentEvent[] => {
  const type = shown(item['type']);
  if (TOOLS.has(type)) {
    if (stage === 'started') return [{ kind: 'tool_call', name: nameOfTool(item), input: inputOfTool(item) }];
    // Of a change to files only the end is told.
    const call: AgentEvent[] =
      type === 'file_change' ? [{ kind: 'tool_call', name: type, input: inputOfTool(item) }] : [];
    return [...call, resultOfTool(item)];
  }
  if (stage === 'started') return [];
  if (type === 'agent_message') return [{ kind: 'text', text: shown(item['text']) }];
  // An item that is an error is often only a remark: the run may still end well.
  if (type === 'error') return [{ kind: 'warning', message: shown(item['message']) }];
  return [];
};

/** `codex exec --json`. */
export const parseCodex = (line: Json): AgentEvent[] => {
  switch (line['type']) {
    case 'thread.started':
      return [{ kind: 'session', session_id: shown(line['thread_id']) }];
    case 'item.started':
      return fromItem('started', object(line['item']));
    case 'item.completed':
      return fromItem('completed', object(line['item']));
    case 'error': {
      const message = shown(line['message']);
      return [{ kind: message.startsWith('Reconnecting') ? 'retry' : 'error', message }];
    }
    case 'turn.completed':
      return [
        { kind: 'usage', usage: usageOf(line['usage']) },
        { kind: 'result', ok: true },
      ];
    case 'turn.failed':
      return [{ kind: 'result', ok: false, message: shown(object(line['error'])['message']) }];
    default:
      return [];
  }
};
