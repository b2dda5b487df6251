import { isFromOutside, type Event } from './event.js';
import { matchesGlob } from './glob.js';

/** `person`, `bot`, `self` (a login that the configuration calls ours) or `system`: machinery that speaks whoever is named, as a check does. */
const kindOf = (event: Event): string | undefined => event.meta?.['actor_kind'];

const DEFAULT = ['self', 'bots'];

/**
 * Which entry of the filter the event falls under; undefined: none. Without a filter, events straight from outside have the
 * default one. `isOwn`: one of our runs did it.
 */
export const filteredActor = (
  filter: readonly string[] | undefined,
  event: Event,
  isOwn: () => boolean,
): string | undefined => {
  if (filter === undefined && !isFromOutside(event)) return undefined;
  const kind = kindOf(event);
  return (filter ?? DEFAULT).find((name) => {
    if (name === 'self') return kind === 'self' || (kind !== 'system' && isOwn());
    if (name === 'bots')
      return kind === 'bot' || (kind === undefined && event.actor !== undefined && event.actor.endsWith('[bot]'));
    return event.actor !== undefined && matchesGlob(name, event.actor);
  });
};
