import { toConductorError } from './errors.js';
import type { Draft, Event } from './event.js';

/** What is read anew while the service runs: of what was refused the last good stays in force. */
export type Reloaded = keyof typeof SOURCES;

/** Who reads it. */
const SOURCES = { RULE_TABLE: 'router', HANDLER_FILES: 'pipeline', CONDUCTOR_CONFIG: 'conductor' } as const;

/** Characters; it may quote what stands in a file. */
const MOST = 4_000;

/** What is refused now, by what it is: the text of the fault. */
export type Refused = Map<string, string>;

/** Folds `_REFUSED` and `_ACCEPTED` in. */
export const foldRefusal = (refused: Refused, { type, data }: Pick<Event, 'type' | 'data'>): void => {
  const what = type.slice(0, type.lastIndexOf('_'));
  if (type.endsWith('_REFUSED')) refused.set(what, String(data['message']));
  else refused.delete(what);
};

const textOf = (refused: unknown): string => toConductorError(refused).message.slice(0, MOST);

/**
 * Says on the bus what was refused, `<WHAT>_REFUSED` once for each thing that is wrong, and `<WHAT>_ACCEPTED` when it is good
 * again. To be told at each look: what the bus did not take is said at the next one. Never fails. `said`: the fault that was
 * said last, by an earlier process.
 */
export const sayRefusals = (
  what: Reloaded,
  record: (facts: readonly Draft[]) => Promise<unknown>,
  said?: string,
): ((refused: unknown) => Promise<void>) => {
  const draftOf = (refused: unknown): Draft => {
    const name = what.toLowerCase().replace('_', ' ');
    const source = SOURCES[what];
    if (refused === undefined) return { type: `${what}_ACCEPTED`, source, body: `the ${name} is good again` };
    const { code, position } = toConductorError(refused);
    const text = textOf(refused);
    return {
      type: `${what}_REFUSED`,
      source,
      data: { code, message: text, ...position },
      body: `ERROR: the ${name} was not changed: ${text}`,
    };
  };
  return async (refused) => {
    const now = refused === undefined ? undefined : textOf(refused);
    if (now === said) return;
    try {
      await record([draftOf(refused)]);
      said = now;
    } catch {
      // A bus that takes nothing says so itself.
    }
  };
};
