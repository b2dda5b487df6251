import { CHAIN_BUDGET, chainSpent, isFurtherScript } from '../core/depth.js';
import { ConductorError } from '../core/errors.js';
import type { Bus } from '../core/ports.js';

type Ports = { bus: Pick<Bus, 'read' | 'record'> };

/** The event that the run's chain began with, as its start was said. */
const rootOf = async ({ bus }: Ports, run_id: string): Promise<string | undefined> => {
  for await (const { authentic, data } of bus.read({ types: ['RUN_START'], run_id, tail: 1 }))
    if (authentic && data['run_id'] === run_id && typeof data['root'] === 'string') return data['root'];
  return undefined;
};

const runsOf = async ({ bus }: Ports, root: string): Promise<number> => {
  let runs = 0;
  const begun = new Set<unknown>();
  try {
    for await (const { authentic, data } of bus.read({ types: ['RUN_START'], since_id: root })) {
      if (!authentic || data['root'] !== root) continue;
      if (!isFurtherScript(String(data['agent']), begun.has(data['activation']))) runs++;
      if (data['activation'] !== undefined) begun.add(data['activation']);
    }
  } catch (error) {
    // What the bus does not hold any more is too old to count.
    if (!(error instanceof ConductorError) || error.code !== 'not_found') throw error;
  }
  return runs;
};

/** The root of the chain that a run started from within this one belongs to. @throws too_deep where its budget is used up */
export const chainOf = async (ports: Ports, parent_run_id: string): Promise<string | undefined> => {
  const root = await rootOf(ports, parent_run_id);
  if (root === undefined || (await runsOf(ports, root)) < CHAIN_BUDGET) return root;
  const why = chainSpent(root);
  await ports.bus.record([
    {
      type: 'CHAIN_LIMIT',
      source: `run:${parent_run_id}`,
      data: { root, reason: 'chain', detail: why },
      body: `ERROR: ${why}`,
      dedupe_key: `chain-limit:${why}`,
    },
  ]);
  throw new ConductorError('too_deep', why);
};
