import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  Subject,
  concatMap,
  filter,
  firstValueFrom,
  fromEvent,
  merge,
  mergeMap,
  takeUntil,
  tap,
  type Observable,
} from 'rxjs';
import { parse } from 'yaml';
import { z } from 'zod';
import { ConductorError, toConductorError } from '../../core/errors.js';
import { idSchema, type Event } from '../../core/event.js';
import { normaliseType } from '../../core/event-type.js';
import type { Handler } from '../../core/handler.js';
import type { HandlerRequested } from '../../core/ledger-view.js';
import { unknownParameter } from '../../core/parameters.js';
import { keepHandlers } from '../../pipeline/handlers.js';
import { signatureOf } from '../../pipeline/parameters.js';
import { pipeline } from '../../pipeline/pipeline.js';
import { openTreeStore } from '../../pipeline/tree-store.js';
import { layout } from '../../storage/layout.js';
import { findService, holdRoot } from '../../storage/root.js';
import { notifierOf } from '../actions.js';
import { openLiveTree } from '../live-tree.js';
import { Opened as Openings } from '../opened.js';
import { repositoryOf } from '../repository-of.js';
import { clock, log, nonce, random } from '../system.js';
import { withLedger, type Opened } from '../with-ledger.js';
import { findHandler, readHandlers } from './folder.js';

export interface RunOptions {
  root: string;
  config?: string;
  handlers: string;
  event?: string;
  with?: string;
  project: string | undefined;
  task: string | undefined;
  cwd?: string;
  json?: boolean;
}

const eventSchema = z.looseObject({
  type: z.string().min(1).default('MANUAL').transform(normaliseType),
  data: z.record(z.string(), z.unknown()).default({}),
  body: z.string().default(''),
  project_id: idSchema.optional(),
});

/** JSON or YAML; `-` is standard input. @throws ConductorError `usage` */
const readEvent = (file: string | undefined): z.output<typeof eventSchema> => {
  if (file === undefined) return eventSchema.parse({});
  let value: unknown;
  try {
    value = parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
  } catch (error) {
    throw new ConductorError(
      'usage',
      `the event ${file} cannot be read: ${error instanceof Error ? error.message : ''}`,
    );
  }
  const result = eventSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ConductorError('usage', `the event ${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
};

const readParameters = (text: string | undefined): Record<string, unknown> | undefined => {
  if (text === undefined) return undefined;
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch {
    throw new ConductorError('usage', `--with ${text}: give a JSON object`);
  }
};

/** Tells how it goes on, until it ends or stands still, or nobody waits for it any more; gives the last event. */
const follow = (opened: Opened, activation: string, since: string, left$: Observable<unknown>): Promise<Event> => {
  // Elsewhere than on a terminal the ends of steps say enough.
  const tree = openLiveTree((start) => start.activation === activation, { plain: false });
  return firstValueFrom(
    opened.bus.follow(since).pipe(
      concatMap((batch) => batch.events),
      tap((event) => {
        tree.on(event);
        if (event.data['activation'] !== activation || !event.authentic) return;
        if (event.type === 'STEP_FINISHED' || event.type === 'APPROVAL_REQUESTED')
          tree.above(() => log.info(event.body.split('\n\nApprove: ').join('\n  ')));
      }),
      mergeMap((event) =>
        event.authentic &&
        event.data['activation'] === activation &&
        (event.type === 'HANDLER_FINISHED' || event.type === 'HANDLER_PARKED')
          ? [event]
          : [],
      ),
      takeUntil(left$),
    ),
  ).finally(() => tree.close());
};

/** Where no service is: carries this one activation here, and nothing else. */
const carryHere = async (opened: Opened, activation: string, known: Handler[], end: Promise<Event>): Promise<Event> => {
  const openings = new Openings();
  const stop$ = new Subject<string>();
  const signals = merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM')).subscribe({
    next: () => stop$.next('stopped by a signal'),
    error: (error: unknown) => log.error(String(error)),
  });
  try {
    openings.add(await holdRoot(opened.root.path, { carries: activation }), (held) => held.close());
    const trees = openTreeStore(layout(opened.root.path).treesFolder);
    const handlers = await keepHandlers(known, trees);
    const ports = {
      ...opened,
      handlers,
      clock,
      random,
      nonce,
      log,
      defaults: { timeout_ms: opened.config.defaults.timeout, cwd: process.cwd() },
      folderFor: (event: Event) => repositoryOf(opened, event, opened.ledger.view)?.path,
      environmentFor: () => ({}),
      notifier: notifierOf(opened, process.env),
      cacheFolder: layout(opened.root.path).stepCacheFolder,
    };
    const outcome = await firstValueFrom(
      pipeline(ports, stop$, stop$, (one) => one.activation === activation).pipe(
        // Asleep it is carried still.
        filter(({ status }) => status !== 'waiting'),
      ),
      { defaultValue: undefined },
    );
    if (outcome === undefined || outcome.status === 'stopped')
      throw new ConductorError('stopped', `${activation} stands still; it goes on when "conductor serve" does`);
    return await end;
  } finally {
    signals.unsubscribe();
    await openings.close();
  }
};

const LOOK_AGAIN_MS = 200;

/** By the service, else here; another that was run by hand holds the root until it has ended. */
const carried = async (opened: Opened, activation: string, known: Handler[], end: Promise<Event>): Promise<Event> => {
  for (;;) {
    const holder = findService(opened.root.path);
    if (holder && holder['carries'] === undefined) return end;
    if (!holder) {
      try {
        return await carryHere(opened, activation, known, end);
      } catch (error) {
        if (toConductorError(error).code !== 'root_in_use') throw error;
      }
    }
    // A service may have come in between.
    const ended = await Promise.race([end, new Promise<void>((resolve) => void setTimeout(resolve, LOOK_AGAIN_MS))]);
    if (ended) return ended;
  }
};

/** Runs one handler for one event, through the service where there is one. Gives its exit code. */
export const runHandler = (name: string, options: RunOptions): Promise<number> =>
  withLedger(options, async (opened) => {
    const known = await readHandlers(options.handlers);
    const handler = findHandler(known, name);
    const { project_id, ...given } = readEvent(options.event);
    const parameters = readParameters(options.with);
    const wrong = unknownParameter(signatureOf(handler), parameters ?? {});
    if (wrong) throw new ConductorError('usage', wrong.message);
    const since = await opened.bus.end();
    const request: HandlerRequested = {
      handler: handler.name,
      cwd: resolve(options.cwd ?? '.'),
      event: { type: given.type, data: given.data, body: given.body },
      ...(parameters ? { with: parameters } : {}),
    };
    const task_id = options.task ?? opened.ids.taskId(handler.name);
    const [receipt] = await opened.ledger.record([
      {
        type: 'HANDLER_REQUESTED',
        source: 'cli',
        project_id: options.project ?? project_id ?? 'default',
        task_id,
        data: { ...request },
        body: `${handler.name} is asked for by hand`,
      },
    ]);
    const activation = `handler/${receipt!.msg_id}`;
    const left$ = new Subject<void>();
    const end = follow(opened, activation, since, left$);
    const last = await carried(opened, activation, known, end).catch(async (error: unknown) => {
      left$.next();
      await end.catch(() => undefined);
      throw error;
    });
    const { status, exit, error, output, reason } = last.data;
    if (options.json) process.stdout.write(`${JSON.stringify({ activation, task_id, ...last.data })}\n`);
    else if (typeof output === 'string') process.stdout.write(output.endsWith('\n') ? output : `${output}\n`);
    if (status === 'completed') return 0;
    log.error(String(error ?? reason ?? status));
    return typeof exit === 'number' ? exit : 1;
  });
