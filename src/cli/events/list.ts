import { concatMap, from, lastValueFrom } from 'rxjs';
import { ConductorError } from '../../core/errors.js';
import { isReserved, normaliseType } from '../../core/event-type.js';
import type { Event } from '../../core/event.js';
import type { BusQuery } from '../../core/ports.js';
import { openBus } from '../open-bus.js';
import { orDamaged } from '../or-damaged.js';
import { formatTable, printTable, type Column } from '../table.js';

export interface ListOptions {
  root: string;
  type?: string[];
  project?: string | undefined;
  task?: string | undefined;
  since?: string;
  tail: number;
  all?: boolean;
  json?: boolean;
  follow?: boolean;
}

const COLUMNS: Column<Event>[] = [
  { title: 'message', of: (event) => event.msg_id },
  { title: 'type', of: (event) => event.type },
  { title: 'project', of: (event) => event.project_id },
  { title: 'source', of: (event) => event.source },
  { title: 'body', of: (event) => event.body.slice(0, 200) },
];

const queryOf = (options: ListOptions): BusQuery => ({
  ...(options.since === undefined ? {} : { since_id: options.since }),
  ...(options.type === undefined ? {} : { types: options.type.flatMap((types) => types.split(',')) }),
  ...(options.project === undefined ? {} : { project_id: options.project }),
  ...(options.task === undefined ? {} : { task_id: options.task }),
});

/** Our own bookkeeping is shown when it is asked for. */
const isWanted = (options: ListOptions): ((event: Event) => boolean) => {
  if (options.all || options.type !== undefined) return () => true;
  return (event) => !isReserved(event.type) || event.type === 'TIMER_FIRED' || event.type === 'TASK_REQUESTED';
};

/** The newest events, oldest first; with `follow` also those that come. */
export const listEvents = async (options: ListOptions): Promise<void> => {
  const { bus } = await openBus(options);
  const wanted = isWanted(options);
  try {
    const end = await bus.end();
    let events: Event[] = [];
    for await (const event of bus.read(queryOf(options))) {
      if (!wanted(event)) continue;
      events.push(event);
      if (events.length >= 2 * options.tail + 64) events = events.slice(-options.tail);
    }
    events = options.tail === 0 ? [] : events.slice(-options.tail);
    if (!options.follow) return printTable(events, COLUMNS, { json: options.json, name: 'events' });

    const types = options.type && new Set(options.type.flatMap((list) => list.split(',')).map(normaliseType));
    const fits = (event: Event): boolean =>
      wanted(event) &&
      (types === undefined || types.has(event.type)) &&
      (options.project === undefined || event.project_id === options.project) &&
      (options.task === undefined || event.task_id === options.task);
    const print = (shown: readonly Event[]): Promise<void> =>
      new Promise((resolve) => {
        const text = options.json
          ? shown.map((event) => `${JSON.stringify(event)}\n`).join('')
          : formatTable(shown, COLUMNS, undefined);
        process.stdout.write(text, () => resolve());
      });
    await print(events);
    const last = events.at(-1)?.msg_id ?? '';
    await lastValueFrom(
      bus
        .follow(end)
        .pipe(concatMap((batch) => from(print(batch.events.filter((one) => one.msg_id > last && fits(one)))))),
      { defaultValue: undefined },
    );
  } finally {
    await bus.close();
  }
};

const find = async (events: AsyncIterable<Event>, msg_id: string): Promise<Event> => {
  for await (const event of events) if (event.msg_id === msg_id) return event;
  throw new ConductorError('not_found', `there is no message ${msg_id}`, { details: { msg_id } });
};

export const showEvent = async (msg_id: string, options: { root: string; json?: boolean }): Promise<void> => {
  const { bus, root } = await openBus(options);
  try {
    const event = await orDamaged(root, msg_id, () => find(bus.read(), msg_id));
    const { body, ...fields } = event;
    const lines = Object.entries(fields).map(
      ([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    const text = options.json ? JSON.stringify(event, null, 2) : [...lines.map(oneLine), '', body].join('\n');
    process.stdout.write(`${text}\n`);
  } finally {
    await bus.close();
  }
};

/** Says an event again, as a new message with its own decisions. */
export const replayEvent = async (msg_id: string, options: { root: string }): Promise<void> => {
  const { bus, root } = await openBus(options);
  try {
    const event = await orDamaged(root, msg_id, () => find(bus.read(), msg_id));
    if (isReserved(event.type))
      throw new ConductorError(
        'reserved_type',
        `${event.type} is a fact of the service; only events can be said again`,
      );
    const { type, project_id, task_id, data, body, trust, actor, meta, issue_id, links } = event;
    const [receipt] = await bus.append([
      {
        type,
        project_id,
        ...(task_id === undefined ? {} : { task_id }),
        data,
        body,
        trust,
        source: 'cli',
        parents: [{ msg_id, kind: 'replay_of' }],
        ...(actor === undefined ? {} : { actor }),
        ...(meta === undefined ? {} : { meta }),
        ...(issue_id === undefined ? {} : { issue_id }),
        ...(links === undefined ? {} : { links: [...links] }),
      },
    ]);
    process.stdout.write(`${receipt!.msg_id}\n`);
  } finally {
    await bus.close();
  }
};

const oneLine = (text: string): string => text.replace(/[\u0000-\u001F\u007F-\u009F]+/g, ' ');
