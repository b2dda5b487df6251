import type { AgentEvent } from '../core/run.js';
import { age } from './ages.js';
import { clock } from './system.js';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const CLEAR_LINE = '\r\u001B[2K';

/** What it does, in few words. */
const doing = (event: AgentEvent): string | undefined => {
  switch (event.kind) {
    case 'tool_call':
      return event.name;
    case 'retry':
    case 'warning':
      return event.message;
    case 'text':
      return event.text.trim().split('\n').at(-1);
    default:
      return undefined;
  }
};

/** One line, no wider than the terminal: `⠋ codex  41s  $0.0312  npm test`. */
export const progressLine = (
  frame: number,
  state: { agent: string; since: string; usd: number; doing: string },
  now: number,
  width: number,
): string => {
  const cost = state.usd > 0 ? `$${state.usd.toFixed(4)}` : '';
  const words = [`${FRAMES[frame % FRAMES.length]} ${state.agent}`, age(state.since, now), cost, state.doing];
  // Control characters would steer the terminal.
  return words
    .filter(Boolean)
    .join('  ')
    .replaceAll(/[\u0000-\u001F\u007F-\u009F]+/g, ' ')
    .slice(0, width - 1);
};

export interface Progress {
  on(event: AgentEvent): void;
  close(): void;
}

/** On a terminal one line that moves; elsewhere plain lines, one for each tool and warning. */
export const openProgress = (agent: string, lines: boolean, stream: NodeJS.WriteStream = process.stderr): Progress => {
  if (lines || !stream.isTTY)
    return {
      on(event) {
        if (event.kind === 'tool_call') stream.write(`· ${event.name}\n`);
        if (event.kind === 'retry' || event.kind === 'warning') stream.write(`· ${event.message}\n`);
      },
      close: () => undefined,
    };
  const state = { agent, since: new Date(clock.now()).toISOString(), usd: 0, doing: '' };
  let frame = 0;
  const draw = (): void => {
    stream.write(`${CLEAR_LINE}${progressLine(frame++, state, clock.now(), stream.columns || 80)}`);
  };
  const timer = setInterval(draw, FRAME_MS);
  return {
    on(event) {
      if (event.kind === 'cost') state.usd = event.usd;
      state.doing = doing(event) ?? state.doing;
    },
    close() {
      clearInterval(timer);
      stream.write(CLEAR_LINE);
    },
  };
};
