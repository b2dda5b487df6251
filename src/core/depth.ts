/** Nothing starts at this depth or deeper, by process or by event. */
export const MAX_DEPTH = 16;

/** A root event starts at most this many runs in all. */
export const CHAIN_BUDGET = 200;

/**
 * A handler says itself how often its scripts run, a thousand times over a list if it wants: of those of one activation the
 * first counts, as its own start. Runs of agents count each.
 */
export const isFurtherScript = (agent: string, activationHasBegun: boolean | undefined): boolean =>
  agent === 'shell' && activationHasBegun === true;

/** Why nothing more of a chain starts. */
export const chainSpent = (root: string): string => `the chain of ${root} has used its budget of ${CHAIN_BUDGET} runs`;
