import { isDeepStrictEqual } from 'node:util';
import { BehaviorSubject, Subject, exhaustMap, from, type Observable } from 'rxjs';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Bus, Ledger, Log, Source } from '../core/ports.js';
import { sayRefusals } from '../core/refusals.js';
import { fileSource } from '../sources/files.js';
import { timerSource } from '../sources/timers.js';
import { unsealedSource } from '../sources/unsealed.js';
import { createWebhooks, type Webhooks, type WebhooksOptions } from '../sources/webhooks.js';
import { loadConfig, webhooksOf, type LoadedConfig } from './load-config.js';
import { clock } from './system.js';

/** The file is looked at so often: it may be replaced, or lie where nothing can be watched. */
const LOOK_MS = 2_000;

/** What is taken into force while the service runs; the rest of the file holds from the next start on. */
const LIVE = new Set(['watch', 'timers', 'webhooks']);

interface SourcesOptions extends Omit<WebhooksOptions, 'config' | 'clock'> {
  loaded: LoadedConfig;
  /** As it was named on the command line. */
  config: string | undefined;
  bus: Bus;
  ledger: Ledger;
  log: Log;
  root: { path: string };
}

export interface ConfiguredSources {
  webhooks: Webhooks;
  readonly current: readonly Source[];
  sources$: Observable<readonly Source[]>;
  close(): void;
}

/** The sources of config.yaml, as the file says now: what it no longer says is closed, and what it says as before goes on. */
export const openSources = ({
  loaded,
  config: name,
  bus,
  ledger,
  log,
  root,
  ...rest
}: SourcesOptions): ConfiguredSources => {
  const webhooks = createWebhooks({ ...rest, clock, config: webhooksOf(loaded) });
  let known = new Map<string, Source>();
  let inForce = { config: loaded.config, secrets: webhooksOf(loaded) };

  const sourcesOf = ({ config, folder }: LoadedConfig): Source[] => {
    const found = new Map<string, Source>();
    const keep = (options: unknown, open: () => Source): void => {
      const key = JSON.stringify([options, folder]);
      found.set(key, known.get(key) ?? open());
    };
    if (config.bus.accept_unsealed)
      keep('unsealed', () => unsealedSource({ bus, clock, decided: () => ledger.view.routed_to }));
    for (const watch of config.watch)
      keep(['watch', watch], () =>
        fileSource({ ...watch, debounce_ms: watch.debounce, log, cwd: folder, root: root.path, clock }),
      );
    for (const [timer, options] of Object.entries(config.timers))
      keep(['timer', timer, options], () =>
        timerSource({
          ...options,
          name: timer,
          every_ms: options.every,
          lastSlot: () => ledger.view.timers.get(timer),
          clock,
        }),
      );
    known = found;
    return [webhooks, ...found.values()];
  };

  const sources = new BehaviorSubject<readonly Source[]>(sourcesOf(loaded));
  const say = sayRefusals(
    'CONDUCTOR_CONFIG',
    (facts) => bus.record(facts),
    ledger.view.refused.get('CONDUCTOR_CONFIG'),
  );
  let refused: ConductorError | undefined;
  let seen: typeof inForce | undefined;
  const look = (): void => {
    try {
      const next = loadConfig(name);
      if (loaded.file !== undefined && next.file === undefined)
        throw new ConductorError('configuration', `${loaded.file} is gone`);
      const secrets = webhooksOf(next);
      const now = { config: next.config, secrets };
      // Twice the same: a file that is being written is not half of it.
      const isWhole = isDeepStrictEqual(now, seen);
      seen = now;
      refused = undefined;
      if (!isWhole || isDeepStrictEqual(now, inForce)) return;
      const list = sourcesOf(next);
      webhooks.configure(secrets);
      const changed = Object.entries(next.config).filter(
        ([key, value]) => !isDeepStrictEqual(value, inForce.config[key as keyof typeof inForce.config]),
      );
      inForce = now;
      sources.next(list);
      const later = changed.map(([key]) => key).filter((key) => !LIVE.has(key));
      log.info(`config: ${list.length} sources in force`, { sources: list.map((source) => source.name) });
      if (later.length > 0) log.warn(`config: ${later.join(', ')} changed: that holds from the next start on`);
    } catch (error) {
      const ours = toConductorError(error);
      if (ours.message !== refused?.message) log.error(`config: nothing was changed: ${ours.message}`);
      refused = ours;
    }
  };
  const looked = new Subject<void>();
  const looking = setInterval(() => {
    look();
    looked.next();
  }, LOOK_MS);
  const saying = looked.pipe(exhaustMap(() => from(say(refused)))).subscribe();
  return {
    webhooks,
    get current() {
      return sources.value;
    },
    sources$: sources.asObservable(),
    close: () => {
      clearInterval(looking);
      saying.unsubscribe();
      sources.complete();
    },
  };
};
