import { ConductorError } from '../../core/errors.js';
import type { Activation } from '../../core/ledger-view.js';
import type { Ledger } from '../../core/ports.js';
import { resumeFact } from '../../core/activation-facts.js';
import { printTable } from '../table.js';
import { withLedger } from '../with-ledger.js';

interface Options {
  root: string;
  config?: string;
  json?: boolean;
}

/** Those that somebody stopped wait for nobody. */
const failed = ({ view }: Ledger): Activation[] =>
  [...view.activations.values()].filter((one) => one.status === 'failed' && !one.stopped).reverse();

export const listDeadLetters = (options: Options): Promise<void> =>
  withLedger(options, async ({ ledger }) => {
    printTable(
      failed(ledger).map(({ activation, handler, project_id, task_id, exit, error }) => ({
        activation,
        handler,
        project_id,
        task_id,
        exit,
        error,
      })),
      [
        { title: 'activation', of: (row) => row.activation },
        { title: 'handler', of: (row) => row.handler },
        { title: 'task', of: (row) => `${row.project_id}/${row.task_id}` },
        { title: 'exit', of: (row) => row.exit },
        { title: 'error', of: (row) => row.error },
      ],
      { json: options.json, name: 'dead_letters' },
    );
  });

export const retryDeadLetters = (activation: string | undefined, options: Options & { all?: boolean }): Promise<void> =>
  withLedger(options, async ({ ledger }) => {
    if ((activation === undefined) === (options.all !== true))
      throw new ConductorError('usage', 'name one activation, or say --all');
    const chosen = failed(ledger).filter((one) => options.all || one.activation === activation);
    if (activation !== undefined && chosen.length === 0)
      throw new ConductorError('not_found', `there is no dead letter ${activation}`);
    const facts = chosen.map((one) => resumeFact(one, one.hash ?? '', 'asked for by "conductor dlq retry"'));
    if (facts.length > 0) await ledger.record(facts);
    for (const one of chosen) process.stdout.write(`${one.activation}\n`);
  });
