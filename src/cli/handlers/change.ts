import { ConductorError } from '../../core/errors.js';
import { cancelFact, resumeFact, resumeWith } from '../../core/activation-facts.js';
import { openTreeStore } from '../../pipeline/tree-store.js';
import { findService } from '../../storage/root.js';
import { layout } from '../../storage/layout.js';
import { log } from '../system.js';
import { withLedger, type Opened } from '../with-ledger.js';
import { findActivation } from './find.js';
import { findHandler, readHandlers } from './folder.js';

interface Options {
  root: string;
  config?: string;
}

const sayPending = async (opened: Opened): Promise<void> => {
  if (!findService(opened.root.path)) log.info('no service serves this root: it goes on when "conductor serve" does');
};

/** A failed activation goes on after its last finished step, a parked one with the handler as it is now. */
export const resumeActivation = (
  named: string,
  options: Options & { handlers: string; latest?: boolean },
): Promise<void> =>
  withLedger(options, async (opened) => {
    const activation = findActivation(opened.ledger.view, named);
    const { status, parked, hash } = activation;
    if (status !== 'failed' && parked === undefined)
      throw new ConductorError(
        'conflict',
        `${activation.activation} ${status === 'open' ? 'is at work, and needs no resuming' : `has ended (${status})`}`,
      );
    if (!activation.cause)
      throw new ConductorError(
        'conflict',
        `what ${activation.activation} answered is no longer kept; let the event come again`,
      );
    // As it was begun it needs no folder, which may hold a bad file.
    const isAsBegun = parked === undefined && hash !== undefined && !options.latest;
    const handlers = isAsBegun ? [] : await readHandlers(options.handlers);
    const trees = openTreeStore(layout(opened.root.path).treesFolder);
    const known = {
      find: (name: string) => findHandler(handlers, name),
      byHash: (one: string) => handlers.find((handler) => handler.hash === one) ?? trees.find(one),
    };
    const goesOn = resumeWith(activation, known, options.latest ?? false);
    await trees.keep(handlers);
    const why = goesOn.hash === hash && goesOn.calls.length === 0 ? 'as it was begun' : 'as the handler is now';
    await opened.ledger.record([resumeFact(activation, goesOn.hash ?? '', why, goesOn.calls)]);
    process.stdout.write(`${activation.activation} goes on, ${why}\n`);
    await sayPending(opened);
  });

/** Ends what runs below it; a service says that it has ended, at once or when it starts. */
export const cancelActivation = (named: string, options: Options & { reason?: string }): Promise<void> =>
  withLedger(options, async (opened) => {
    const activation = findActivation(opened.ledger.view, named);
    if (activation.status !== 'open')
      throw new ConductorError('conflict', `${activation.activation} has ended (${activation.status})`);
    await opened.ledger.record([cancelFact(activation, options.reason ?? 'by hand')]);
    if (!findService(opened.root.path))
      for (const run of opened.ledger.view.runs.values())
        if (run.activation === activation.activation) await opened.runner.stop(run, 'cancelled');
    process.stdout.write(`${activation.activation} is cancelled\n`);
  });
