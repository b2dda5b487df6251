import { parseDuration } from '../../core/duration.js';
import { ConductorError } from '../../core/errors.js';
import { nearest } from '../../core/yaml-document.js';
import { clock } from '../system.js';
import { openBus } from '../open-bus.js';
import { tableNow, tableStoreOf, type TableOptions } from './load.js';

export interface SwitchOptions extends TableOptions {
  root: string;
  reason?: string;
  for?: string;
}

/** Says it on the bus, so that it holds across restarts and is stronger than the file. */
export const switchRule = async (id: string, on: boolean, options: SwitchOptions): Promise<void> => {
  const time = options.for === undefined ? undefined : parseDuration(options.for);
  if (options.for !== undefined && time === undefined)
    throw new ConductorError('usage', `--for "${options.for}" is no duration; write 2h`);
  const until = time === undefined ? undefined : new Date(clock.now() + time).toISOString();
  const reason = options.reason ?? 'by an operator';
  const { bus, root } = await openBus(options);
  try {
    const { table } = await tableNow(options, tableStoreOf(root.path));
    const ids = table.rules.map((rule) => rule.id);
    if (!ids.includes(id)) {
      const near = nearest(id, ids);
      throw new ConductorError(
        'not_found',
        `there is no rule "${id}"${near === undefined ? '' : `; did you mean "${near}"?`}`,
      );
    }
    const body = `rule ${id} is ${on ? 'enabled' : 'disabled'}${until === undefined ? '' : ` until ${until}`}: ${reason}`;
    await bus.record([
      {
        type: on ? 'RULE_ENABLED' : 'RULE_DISABLED',
        source: 'cli',
        data: { rule: id, reason, ...(until === undefined ? {} : { until }) },
        body,
      },
    ]);
    process.stderr.write(`${body}\n`);
  } finally {
    await bus.close();
  }
};
