import type { AgentEvent } from '../../core/run.js';
import { maybe, object, shown, text, usageOf, type Json } from './json.js';

/** `gemini -o stream-json`. */
export const parseGemini = (line: Json): AgentEvent[] => {
  switch (line['type']) {
    case 'init':
      return [{ kind: 'session', session_id: shown(line['session_id']), ...maybe('model', text(line['model'])) }];
    case 'message':
      // The prompt is echoed as a message of the user.
      if (line['role'] !== 'assistant') return [];
      return [{ kind: 'text', text: shown(line['content']), ...(line['delta'] === true ? { delta: true } : {}) }];
    case 'tool_use':
      return [{ kind: 'tool_call', name: shown(line['tool_name']), input: line['parameters'] }];
    case 'tool_result': {
      const ok = line['status'] === 'success';
      const output = shown(line['output']) || shown(object(line['error'])['message']);
      return [{ kind: 'tool_result', ok, output }];
    }
    case 'error':
      return [{ kind: line['severity'] === 'warning' ? 'warning' : 'error', message: shown(line['message']) }];
    case 'result': {
      const ok = line['status'] === 'success';
      const message = shown(object(line['error'])['message']);
      return [
        { kind: 'usage', usage: usageOf(line['stats']) },
        { kind: 'result', ok, ...(ok ? {} : { message }) },
      ];
    }
    default:
      return [];
  }
};
