import { join } from 'node:path';
import { Subject, filter, from, lastValueFrom, merge, mergeMap } from 'rxjs';
import { openLists } from '../api/lists/lists.js';
import { saveSettings } from '../bus/settings.js';
import { conductor } from '../conductor.js';
import { toConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import { sayRefusals, type Reloaded } from '../core/refusals.js';
import { reportDamage } from '../ledger/damage.js';
import { openLedger } from '../ledger/ledger.js';
import { gather } from '../operators/gather.js';
import { shareFollow } from '../operators/share-follow.js';
import { openHandlers } from '../pipeline/handlers.js';
import { signatureOf } from '../pipeline/parameters.js';
import { openTreeStore } from '../pipeline/tree-store.js';
import { openRules } from '../router/rule-table.js';
import { openTableStore } from '../router/table-store.js';
import { makerFinder } from '../runner/living-commits.js';
import { layout } from '../storage/layout.js';
import { holdRoot } from '../storage/root.js';
import { notifierOf } from './actions.js';
import { healthEnvironment } from './health-environment.js';
import { findProblems } from './config/check.js';
import { openLocal } from './local.js';
import { openService } from './open-service.js';
import { Opened } from './opened.js';
import { keepRetained } from './retention.js';
import { repositoryOf } from './repository-of.js';
import { stopRuns } from './stop-runs.js';
import { deliveryWorker, tableWorker } from './package-folder.js';
import { openSources } from './configured-sources.js';
import { checkpointFile } from './checkpoint-file.js';
import { orShipped } from './shipped.js';
import { clock, log, nonce, random } from './system.js';
import { trimMemory } from './trim-memory.js';

export interface ServeOptions {
  root: string;
  port: number;
  host: string;
  rules: string;
  handlers: string;
  config?: string | undefined;
  /** A socket of the file system, in place of host and port. */
  socketPath?: string | undefined;
}

/** Serves until SIGINT or SIGTERM; the second one, 250 ms after the first or later, kills. */
export const serve = async (options: ServeOptions): Promise<number> => {
  const opened = new Opened();
  try {
    return await serveWith(options, opened);
  } finally {
    await opened.close();
  }
};

const serveWith = async (options: ServeOptions, opened: Opened): Promise<number> => {
  const drain$ = new Subject<void>();
  const kill$ = new Subject<void>();
  const opening = opened.add(
    await openLocal({ root: options.root, config: options.config, startsMany: true }),
    async ({ bus, runner }) => {
      await runner.close();
      await bus.close();
    },
  );
  // Ledger, router, lists and broadcast read the same: lists and ledger from where they were, side by side.
  const bus = { ...opening.bus, ...gather(opening.bus), follow: shareFollow(opening.bus, 2) };
  const local = { ...opening, bus };
  opened.add(await holdRoot(local.root.path, {}), (held) => held.close());
  saveSettings(local.root.path, local.settings);
  const lists = opened.add(
    await openLists({ bus: local.bus, log, file: checkpointFile(local.root, 'lists', { save: true }) }),
    (one) => one.close(),
  );
  const ledger = opened.add(
    await openLedger(local.bus, checkpointFile(local.root, 'ledger', { save: true }), {
      blobs: local.blobs,
      onDamaged: reportDamage({ bus: local.bus, log }),
    }),
    (one) => one.close(),
  );
  const say = (what: Reloaded) => sayRefusals(what, (facts) => local.bus.record(facts), ledger.view.refused.get(what));
  const handlers = opened.add(
    await openHandlers({
      folder: orShipped(options.handlers, 'handlers'),
      trees: openTreeStore(layout(local.root.path).treesFolder),
      say: say('HANDLER_FILES'),
      log,
    }),
    (one) => one.close(),
  );
  const rulesFolder = orShipped(options.rules, 'rules');
  const rules = opened.add(
    await openRules({
      folder: rulesFolder,
      handlers: () => handlers.list().map(signatureOf),
      worker: tableWorker,
      store: openTableStore(join(local.root.path, '.conductor', 'tables')),
      say: say('RULE_TABLE'),
      log,
    }),
    (one) => one.close(),
  );
  const sources = opened.add(
    openSources({
      ...local,
      loaded: local,
      config: options.config,
      ledger,
      log,
      worker: deliveryWorker,
      madeBy: makerFinder({ rootPath: local.root.path, runs: local.runs, living: () => ledger.view.runs.values() }),
    }),
    (one) => one.close(),
  );
  let isDraining = false;
  const server = opened.add(
    await openService({
      ...options,
      local,
      ledger,
      lists,
      rules,
      handlers,
      webhooks: sources.webhooks,
      sources: () => sources.current,
      isDraining: () => isDraining,
    }),
    (one) => one.drain(),
  );

  const environmentFor = (event: Event): Record<string, string> => {
    const { deploy } = local.config;
    const command = repositoryOf(local, event, ledger.view)?.test_command;
    return {
      CONDUCTOR_URL: server.url,
      QUEUE_DEPTH: String(ledger.view.open.size),
      ...(command === undefined ? {} : { TEST_COMMAND: command }),
      ...(event.type === 'TIMER_FIRED' ? healthEnvironment(local) : {}),
      ...(event.type === 'DEPLOY_REQUESTED' && deploy
        ? {
            DEPLOY_COMMAND: deploy.command,
            DEPLOY_SMOKE_TEST: deploy.smoke_test ?? '',
            DEPLOY_ROLLBACK: deploy.rollback ?? '',
          }
        : {}),
    };
  };

  const running = conductor(
    {
      ...local,
      ledger,
      rules,
      handlers,
      sources$: sources.sources$,
      broadcast$: server.broadcast$,
      clock,
      random,
      nonce,
      log,
      defaults: { timeout_ms: local.config.defaults.timeout, cwd: process.cwd() },
      folderFor: (event) => repositoryOf(local, event, ledger.view)?.path,
      environmentFor,
      notifier: notifierOf(local, process.env),
      cacheFolder: layout(local.root.path).stepCacheFolder,
    },
    merge(drain$, kill$),
    kill$,
  );
  const done = lastValueFrom(running, { defaultValue: undefined });
  opened.add(trimMemory(), (one) => one.close());

  // `stop --all` was said: whoever said it ends the runs too, but ours must not be tried again.
  const stopping = ledger.folded$
    .pipe(
      filter((event) => event.type === 'CONDUCTOR_STOP_ALL' && event.authentic),
      mergeMap(() => from(stopRuns(local, 'stop --all'))),
    )
    .subscribe({ error: (error: unknown) => log.error(`stop --all: ${toConductorError(error).message}`) });

  const retaining = keepRetained(local, ledger).subscribe();

  let signalled = 0;
  let exit = 0;
  const onSignal = (): void => {
    const now = clock.now();
    if (signalled === 0) {
      signalled = now;
      log.info('draining: what is running may end; press Ctrl-C again to kill');
      isDraining = true;
      drain$.next();
      return;
    }
    // npm passes the terminal's signal on a second time.
    if (now - signalled < 250) return;
    if (exit !== 0) process.exit(exit);
    exit = 130;
    // What runs is ended, and its end is said, before the service goes.
    server.kill();
    kill$.next();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);

  for (const { field, message } of findProblems(local, process.env)) log.warn(`${field}: ${message}`);
  const found = local.agents.list().filter((agent) => agent.program !== undefined || agent.backend === 'shell');
  process.stdout.write(
    [
      `Conductor Loop listens on ${server.url} (WebSocket: ${server.url.replace('http', 'ws')}/ws)`,
      `  root      ${local.root.path}`,
      `  rules     ${rulesFolder} (${rules.current.rules.length})`,
      ...sources.current.map((source) => `  source    ${source.description}`),
      `  agents    ${found.map((agent) => agent.name).join(', ')}`,
      `Try: npx messagebus-tool write --type CODE_PUSHED --data '{"path":"${process.cwd()}"}' "pushed"`,
      '',
    ].join('\n'),
  );

  await done;
  stopping.unsubscribe();
  retaining.unsubscribe();
  return exit;
};
