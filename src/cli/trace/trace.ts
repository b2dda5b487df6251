import { ConductorError } from '../../core/errors.js';
import { openBus } from '../open-bus.js';
import { orDamaged } from '../or-damaged.js';
import { TraceBuilder, rootOf } from './build.js';
import { drawTrace } from './node.js';

/** Event, decisions, steps, runs and the events they said, from where the chain began. */
export const trace = async (
  msg_id: string,
  options: { root: string; json?: boolean; here?: boolean },
): Promise<void> => {
  const { bus, root: place } = await openBus(options);
  try {
    const root = await orDamaged(place, msg_id, async () => {
      const found = await rootOf(msg_id, bus.read());
      if (found === undefined)
        throw new ConductorError('not_found', `there is no message ${msg_id}`, { details: { msg_id } });
      return found;
    });
    const builder = new TraceBuilder(options.here ? msg_id : root);
    for await (const event of bus.read()) builder.take(event);
    const tree = builder.root;
    if (!tree)
      throw new ConductorError('not_found', `${root}, where the chain began, is no longer on the bus; try --here`);
    process.stdout.write(options.json ? `${JSON.stringify(tree, null, 2)}\n` : drawTrace(tree, msg_id));
  } finally {
    await bus.close();
  }
};
