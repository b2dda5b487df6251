import { ConductorError } from '../../core/errors.js';
import type { Activation } from '../../core/ledger-view.js';
import type { Bus, Ledger } from '../../core/ports.js';
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

interface Letter extends Partial<Pick<Activation, 'activation' | 'handler' | 'project_id' | 'task_id' | 'exit'>> {
  rule: string;
  event: string;
  error?: string | undefined;
}

const MOST_RULE_ERRORS = 100;

/** Events that a rule could not decide: there is nothing to go on with, the rule is to be mended. Newest first. */
const undecided = async (bus: Bus): Promise<Letter[]> => {
  const letters: Letter[] = [];
  for await (const { authentic, data } of bus.read({ types: ['RULE_ERROR'], tail: MOST_RULE_ERRORS }))
    if (authentic)
      letters.unshift({ rule: String(data['rule']), event: String(data['event']), error: String(data['message']) });
  return letters;
};

export const listDeadLetters = (options: Options): Promise<void> =>
  withLedger(options, async ({ ledger, bus }) => {
    const letters = failed(ledger).map(
      ({ activation, rule, event, handler, project_id, task_id, exit, error }): Letter => ({
        ...{ activation, rule, event, handler, project_id, task_id },
        ...(exit === undefined ? {} : { exit }),
        error,
      }),
    );
    printTable(
      [...letters, ...(await undecided(bus))],
      [
        { title: 'activation', of: (row) => row.activation ?? `${row.rule}/${row.event}` },
        { title: 'handler', of: (row) => row.handler ?? 'none: a rule error' },
        { title: 'task', of: (row) => (row.task_id === undefined ? '' : `${row.project_id}/${row.task_id}`) },
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
      throw new ConductorError('not_found', `there is no activation ${activation} that failed`);
    const facts = chosen.map((one) => resumeFact(one, one.hash ?? '', 'asked for by "conductor dlq retry"'));
    if (facts.length > 0) await ledger.record(facts);
    for (const one of chosen) process.stdout.write(`${one.activation}\n`);
  });
