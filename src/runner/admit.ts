import { ConductorError } from '../core/errors.js';
import type { AttemptSpec, Slot, Slots } from '../core/ports.js';
import { stricter, type AgentEvent, type RunLimits } from '../core/run.js';
import type { RunnableAgents } from './agents.js';
import type { Budgets } from './budgets.js';

export interface Admission {
  slots?: Slots;
  agents: RunnableAgents;
  budgets: Budgets;
}

export interface Admitted {
  slot: Slot | undefined;
  limits: RunLimits;
}

/**
 * Waits for a slot and for a share of the budgets; who waits for the one does not keep the other. Throws `over_budget`
 * when a budget is used up, and `stopped`.
 */
export const admit = async (
  { slots, agents, budgets }: Admission,
  spec: AttemptSpec,
  signal: AbortSignal,
  /** Why the run was stopped. */
  stopped: () => string | undefined,
  emit: (event: AgentEvent) => void,
): Promise<Admitted> => {
  // Said before the wait: a missing program is no reason to stand in a queue.
  const { config, kind } = agents.find(spec.agent);
  const own = stricter(config.limits ?? {}, spec.limits ?? {});
  let told: string | undefined;
  for (;;) {
    const slot = await slots?.acquire(spec, signal);
    try {
      const why = stopped();
      if (why !== undefined) throw new ConductorError('stopped', why);
      const share = await budgets.reserve(spec, own, kind.family !== undefined);
      if ('limits' in share) return { slot, limits: share.limits };
      if ('over' in share) throw new ConductorError('over_budget', `the budget of ${share.over} is used up`);
      if (told !== share.waits)
        emit({
          kind: 'warning',
          message: `waits: the rest of the budget of ${share.waits} is kept for runs beside it`,
        });
      told = share.waits;
    } catch (error) {
      await slot?.release();
      throw error;
    }
    await slot?.release();
    await budgets.untilGivenBack(() => signal.aborted || stopped() !== undefined);
  }
};
