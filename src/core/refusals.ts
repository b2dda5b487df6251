import { toConductorError } from './errors.js';
import type { Draft } from './event.js';

/** What is read anew while the service runs: of what was refused the last good stays in force. */
export type Reloaded = keyof typeof SOURCES;

/** Who reads it. */
const SOURCES = { RULE_TABLE: 'router', HANDLER_FILES: 'pipeline', CONDUCTOR_CONFIG: 'conductor' } as const;

/** Characters; it may quote what stands in a file. */
const MOST = 4_000;

/**
 * Says on the bus what was refused, `<WHAT>_REFUSED` once for each thing that is wrong, and `<WHAT>_ACCEPTED` when it is good
 * again. To be told at each look: what the bus did not take is said at the next one. Never fails.
 */
export const sayRefusals = (
  what: Reloaded,
  record: (facts: readonly Draft[]) => Promise<unknown>,
): ((refused: unknown) => Promise<void>) => {
  let said: string | undefined;
  const draftOf = (refused: unknown): Draft => {
    const name = what.toLowerCase().replace('_', ' ');
    const source = SOURCES[what];
    if (refused === undefined) return { type: `${what}_ACCEPTED`, source, body: `the ${name} is good again` };
    const { code, message, position } = toConductorError(refused);
    const text = message.slice(0, MOST);
    return {
      type: `${what}_REFUSED`,
      source,
      data: { code, message: text, ...position },
      body: `ERROR: the ${name} was not changed: ${text}`,
    };
  };
  return async (refused) => {
    const now = refused === undefined ? undefined : toConductorError(refused).message;
    if (now === said) return;
    try {
      await record([draftOf(refused)]);
      said = now;
    } catch {
      // A bus that takes nothing says so itself.
    }
  };
};
