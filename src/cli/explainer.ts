import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ExplainerDoor } from '../api/doors.js';
import { ConductorError } from '../core/errors.js';
import type { Bus, Rules } from '../core/ports.js';
import { emptyView, fold } from '../ledger/fold.js';
import { compileTable } from '../router/compile.js';
import { describeVerdict } from '../router/describe.js';
import { explain } from '../router/explain.js';
import { simulate } from '../router/simulate.js';
import { openTableStore } from '../router/table-store.js';
import { clock } from './system.js';

/** Why rules answered as they did, and what others would: the router's own words, for the API. */
export const createExplainer = ({
  bus,
  rules,
  rootPath,
}: {
  bus: Bus;
  rules: Pick<Rules, 'current'>;
  rootPath: string;
}): ExplainerDoor => ({
  async explain(msg_id) {
    const store = openTableStore(join(rootPath, '.conductor', 'tables'));
    const { verdicts, ...rest } = await explain(msg_id, {
      events: bus.read(),
      fold,
      view: emptyView(),
      current: rules.current,
      tableOf: (hash) => store.find(hash),
      now: clock.now(),
    });
    return { ...rest, verdicts: verdicts.map((one) => ({ ...one, why: describeVerdict(one) })) };
  },
  async simulate(list, since) {
    const hash = createHash('sha256').update(JSON.stringify(list)).digest('hex').slice(0, 16);
    const table = { hash, rules: list };
    try {
      compileTable(table);
    } catch (cause) {
      throw new ConductorError('bad_request', `rules: ${(cause as Error).message}`, { cause });
    }
    const from = (event: { msg_id: string }): boolean => since === undefined || event.msg_id >= since;
    return { ...(await simulate({ events: bus.read(), fold, view: emptyView(), table, from, now: clock.now() })) };
  },
});
