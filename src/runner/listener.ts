import type { AgentEvent, Usage } from '../core/run.js';
import { parseLine, type Family } from './streams/family.js';

const STDERR_KEPT = 8 * 1024;
/** A final text is an answer, not a log. */
const TEXT_KEPT = 4 * 1024 * 1024;

const sumOf = (messages: ReadonlyMap<string, Usage>): Usage | undefined =>
  messages.size === 0
    ? undefined
    : [...messages.values()].reduce<Required<Usage>>(
        (sum, { input_tokens = 0, output_tokens = 0 }) => ({
          input_tokens: sum.input_tokens + input_tokens,
          output_tokens: sum.output_tokens + output_tokens,
        }),
        { input_tokens: 0, output_tokens: 0 },
      );

/** Hears the lines of a run, hands on what they say, and keeps what its end will need. */
export const createListener = (family: Family | undefined, emit: (event: AgentEvent) => void) => {
  let text = '';
  let joins = false;
  const messages = new Map<string, Usage>();
  const heard = {
    result: undefined as { ok: boolean; message?: string } | undefined,
    resultText: undefined as string | undefined,
    errors: [] as string[],
    session_id: undefined as string | undefined,
    model: undefined as string | undefined,
    total: undefined as Usage | undefined,
    cost_usd: undefined as number | undefined,
    stderr: '',
    acted: false,
    /** Of the whole run, else what its messages told so far. */
    get usage(): Usage | undefined {
      return this.total ?? sumOf(messages);
    },
    /** The result's text, else the last thing that it said. */
    get finalText(): string | undefined {
      return this.resultText ?? (text === '' ? undefined : text);
    },
  };

  const keep = (event: AgentEvent): void => {
    switch (event.kind) {
      case 'session':
        heard.session_id = event.session_id || heard.session_id;
        heard.model = event.model ?? heard.model;
        break;
      case 'text':
        text = event.delta && joins ? (text + event.text).slice(-TEXT_KEPT) : event.text;
        joins = true;
        break;
      case 'tool_call':
      case 'tool_result':
        heard.acted = true;
        // What comes after a tool is a new message, not the rest of the last one.
        joins = false;
        break;
      case 'usage':
        if (event.message === undefined) heard.total = event.usage;
        else messages.set(event.message, event.usage);
        break;
      case 'cost':
        heard.cost_usd = event.usd;
        break;
      case 'error':
        heard.errors = [...heard.errors.slice(-20), event.message];
        break;
      case 'result':
        heard.result = { ok: event.ok, ...(event.message === undefined ? {} : { message: event.message }) };
        heard.resultText = event.text || undefined;
        break;
      default:
    }
  };

  return {
    heard,
    stdout: (line: string): void => {
      if (family === undefined) {
        emit({ kind: 'text', text: `${line}\n`, delta: true });
        return;
      }
      for (const event of parseLine(family, line)) {
        keep(event);
        emit(event);
      }
    },
    stderr: (line: string): void => {
      heard.stderr = `${heard.stderr}${line}\n`.slice(-STDERR_KEPT);
    },
  };
};
