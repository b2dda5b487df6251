import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EMPTY, Subject, lastValueFrom } from 'rxjs';
import { openFileBus } from '../../src/bus/file-bus.js';
import { clock, nonce, random } from '../../src/cli/system.js';
import { conductor } from '../../src/conductor.js';
import type { Event } from '../../src/core/event.js';
import type { Bus, Clock, Log, Random } from '../../src/core/ports.js';
import type { Action } from '../../src/notify/action.js';
import { createNotifier } from '../../src/notify/notifier.js';
import { openLedger } from '../../src/ledger/ledger.js';
import { openHandlers } from '../../src/pipeline/handlers.js';
import { openTreeStore } from '../../src/pipeline/tree-store.js';
import { openRules } from '../../src/router/rule-table.js';
import type { AgentConfig } from '../../src/runner/agents/backend.js';
import { createAgents } from '../../src/runner/agents.js';
import { createRunner, type RunnerOptions } from '../../src/runner/runner.js';
import type { ShimsOptions } from '../../src/runner/shims.js';
import { createIds } from '../../src/storage/ids.js';
import { openLoopClaims } from '../../src/storage/loop-claims.js';
import { openRoot } from '../../src/storage/root.js';
import { openRuns } from '../../src/storage/run-store.js';
import { openSlots } from '../../src/storage/slots.js';
import { openWorkspaces } from '../../src/workspace/workspaces.js';
import { cleanEnvironment, project, temporary, until } from '../support/service.js';

export interface WorldOptions {
  /** Text by the file's name, beside the handlers: `x.yaml`, `scripts/x.sh`. */
  files: Record<string, string>;
  agents?: Record<string, AgentConfig>;
  clock?: Clock;
  random?: Random;
  /** A folder whose files are there too. */
  folder?: string;
  /** Where another world was, or is to be: root, handlers, rules and the working folder of all steps. */
  at?: string;
  /** Between the pipeline and the bus. */
  wrap?: (bus: Bus) => Bus;
  /** Those that are there hold. */
  keepRules?: boolean;
  durability?: 'fsync' | 'os';
  actions?: Record<string, Action>;
  redact?: (text: string) => string;
  /** How runs are started, where not by the main loop one at a time. */
  starts?: Omit<ShimsOptions, 'slots'> & Pick<RunnerOptions, 'sweepWorker'>;
}

const binFolder = join(project, 'dist', 'cli', 'bin');
const nameIn = (text: string): string | undefined => /^name: *([a-z0-9-]+)/m.exec(text)?.[1];
const typeOf = (handler: string): string => `GO_${handler.replaceAll('-', '_').toUpperCase()}`;

/** A root with everything between the bus and the agents, each handler called by an event of its own: GO_<NAME>. */
export const openWorld = async (options: WorldOptions) => {
  const folder = options.at ?? temporary('handlers');
  const work = join(folder, 'work');
  mkdirSync(work, { recursive: true });
  const handlersFolder = join(folder, 'handlers');
  if (options.folder) cpSync(options.folder, handlersFolder, { recursive: true });
  const write = (name: string, text: string): void => {
    const path = join(handlersFolder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    if (text.startsWith('#!')) chmodSync(path, 0o755);
  };
  mkdirSync(handlersFolder, { recursive: true });
  for (const [name, text] of Object.entries(options.files)) write(name, text);
  mkdirSync(join(folder, 'rules'), { recursive: true });
  const names = Object.values(options.files)
    .map(nameIn)
    .filter((name) => name !== undefined);
  const setRules = (handlers: readonly string[]): void =>
    writeFileSync(
      join(folder, 'rules', 'all.yaml'),
      `rules:\n${handlers.map((name) => `  - { id: ${name}, on: ${typeOf(name)}, do: ${name} }`).join('\n')}\n`,
    );
  if (!options.keepRules) setRules(names.length > 0 ? names : ['none']);

  const root = await openRoot(join(folder, 'runs'));
  const environment = cleanEnvironment();
  const time = options.clock ?? clock;
  const said: string[] = [];
  const log: Log = {
    info: (message) => void said.push(message),
    warn: (message) => void said.push(message),
    error: (message) => void said.push(message),
  };

  const start = async () => {
    const drain$ = new Subject<void>();
    const kill$ = new Subject<void>();
    const opened = await openFileBus({ root: root.path, key: root.key, clock, durability: options.durability ?? 'os' });
    const bus = options.wrap?.(opened) ?? opened;
    const runs = openRuns(root.path);
    const agents = createAgents({ config: options.agents ?? {}, environment });
    const slots = openSlots(root.path, 16, clock);
    const runner = createRunner({
      rootPath: root.path,
      runs,
      agents,
      clock,
      environment,
      binFolder,
      slots,
      ...options.starts,
    });
    const handlers = await openHandlers({
      folder: handlersFolder,
      trees: openTreeStore(join(root.path, '.conductor', 'handlers')),
      log,
    });
    const rules = await openRules({ folder: join(folder, 'rules'), log });
    const ledger = await openLedger(bus);
    const done = lastValueFrom(
      conductor(
        {
          bus,
          ledger,
          rules,
          handlers,
          runs,
          agents,
          runner,
          workspaces: openWorkspaces(root.path),
          claims: openLoopClaims(root.path),
          sources$: EMPTY,
          broadcast$: EMPTY,
          ids: createIds(clock, process.pid),
          clock: time,
          random: options.random ?? random,
          nonce,
          log,
          defaults: { timeout_ms: 60_000, cwd: work },
          folderFor: () => undefined,
          environmentFor: () => ({ WORK: work }),
          notifier: createNotifier({ actions: options.actions ?? {}, redact: options.redact ?? ((text) => text) }),
          cacheFolder: join(root.path, '.conductor', 'cache', 'steps'),
        },
        drain$,
        kill$,
      ),
      { defaultValue: undefined },
    );
    return {
      bus,
      ledger,
      runner,
      handlers,
      async stop(how: 'drain' | 'kill' = 'drain') {
        drain$.next();
        if (how === 'kill') kill$.next();
        await done;
        await Promise.all([rules.close(), handlers.close(), ledger.close(), runner.close()]);
        await bus.close();
      },
    };
  };
  let running = await start();

  const events = async (type?: string): Promise<Event[]> => {
    const found: Event[] = [];
    for await (const event of running.bus.read(type === undefined ? {} : { types: [type] })) found.push(event);
    return found;
  };
  const world = {
    folder,
    root: root.path,
    work,
    said,
    write,
    setRules,
    events,
    get running() {
      return running;
    },
    get ledger() {
      return running.ledger;
    },
    async restart(how: 'drain' | 'kill' = 'drain') {
      await running.stop(how);
      running = await start();
    },
    close: () => running.stop('kill'),
    /** Says an event. */
    say: async (type: string, data: Record<string, unknown> = {}, body = ''): Promise<string> =>
      (await running.bus.append([{ type, data, body }]))[0]!.msg_id,
    /** Lets a handler begin; gives its activation. */
    async begin(handler: string, data: Record<string, unknown> = {}, body = ''): Promise<string> {
      const event = await world.say(typeOf(handler), data, body);
      const activation = `${handler}/${event}`;
      await until(`${handler} begins`, () => running.ledger.view.activations.get(activation)?.hash);
      return activation;
    },
    /** Waits for its end: data of HANDLER_FINISHED. */
    end: (activation: string): Promise<Record<string, unknown>> =>
      until(`${activation} ends`, async () => {
        if (running.ledger.view.activations.get(activation)?.status === 'open') return undefined;
        return (await events('HANDLER_FINISHED')).findLast((event) => event.data['activation'] === activation)?.data;
      }),
    async go(handler: string, data: Record<string, unknown> = {}, body = '') {
      return world.end(await world.begin(handler, data, body));
    },
    /** Results by the step's path, as STEP_FINISHED said them. */
    async steps(activation?: string): Promise<Record<string, Record<string, unknown>>> {
      const found: Record<string, Record<string, unknown>> = {};
      for (const { data } of await events('STEP_FINISHED'))
        if (activation === undefined || data['activation'] === activation) found[String(data['step'])] = data;
      return found;
    },
    taskFolder(activation: string): string {
      const { project_id, task_id } = running.ledger.view.activations.get(activation)!;
      return join(root.path, project_id, task_id);
    },
    /** A file that steps write in their working folder. */
    file: (name: string): string => {
      const path = join(work, name);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    },
  };
  return world;
};
export type World = Awaited<ReturnType<typeof openWorld>>;

/** A handler file with these steps. */
export const handler = (name: string, steps: string): string =>
  `name: ${name}\nsteps:\n${steps
    .replace(/^\n/, '')
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}\n`;
