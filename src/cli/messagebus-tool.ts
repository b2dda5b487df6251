#!/usr/bin/env node
/** `messagebus-tool write|read`. It is started for each message, so it loads only what the one command needs. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Draft, Event } from '../core/event.js';

const HELP = `messagebus-tool: say something on the bus, or read it

  messagebus-tool write [BODY] [--type INFO] [--project ID] [--task ID] [--run-id ID] [--data JSON]
                        [--parent MSG_ID]… [--dedupe-key KEY] [--source NAME] [--root DIR] [-e]
      Prints the message's id. BODY is taken as it is (-e: \\n, \\t and \\\\ are read); without it, standard input is.

  messagebus-tool read [--since-id MSG_ID] [--type TYPE]… [--tail N] [--project ID] [--task ID]
                       [--json] [--follow] [--root DIR]
      One "key: value" a line, "---" between messages; with --json one JSON object a line.

Defaults come from CONDUCTOR_ROOT (else "runs"), PROJECT_ID, TASK_ID and RUN_ID.
`;

const COMMON = {
  root: { type: 'string' },
  'project-id': { type: 'string' },
  project: { type: 'string' },
  'task-id': { type: 'string' },
  task: { type: 'string' },
  'run-id': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

const WRITE = {
  ...COMMON,
  type: { type: 'string' },
  data: { type: 'string' },
  parent: { type: 'string', multiple: true },
  'dedupe-key': { type: 'string' },
  source: { type: 'string' },
  e: { type: 'boolean', short: 'e' },
} as const satisfies ParseArgsConfig['options'];

const READ = {
  ...COMMON,
  'since-id': { type: 'string' },
  type: { type: 'string', multiple: true },
  tail: { type: 'string' },
  json: { type: 'boolean' },
  follow: { type: 'boolean', short: 'f' },
} as const satisfies ParseArgsConfig['options'];

const usage = (message: string, cause?: unknown): ConductorError => new ConductorError('usage', message, { cause });

const parse = <T extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: T) => {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error), error);
  }
};

/** An empty variable is as good as none. */
const env = (name: string): string | undefined => process.env[name] || undefined;
const rootOf = (given: string | undefined): string => given ?? env('CONDUCTOR_ROOT') ?? 'runs';

const readStdin = async (): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };
const readEscapes = (text: string): string =>
  text.replace(/\\([ntr\\])/g, (whole, character: string) => ESCAPES[character] ?? whole);

const parseData = (text: string): Record<string, unknown> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usage(`--data is not JSON: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usage('--data: a JSON object, as {"branch":"main"}');
  return value as Record<string, unknown>;
};

/** What a run says carries the run's depth, so that the chain it belongs to can be counted. */
const currentDepth = (): number | undefined => {
  const text = env('CURRENT_DEPTH');
  if (env('RUN_ID') === undefined || text === undefined) return undefined;
  if (!/^\d{1,4}$/.test(text)) throw usage(`CURRENT_DEPTH is "${text}", not a whole number`);
  return Number(text);
};

const write = async (args: string[]): Promise<void> => {
  const { values, positionals } = parse(args, WRITE);
  if (values.help) return say(HELP);
  if (positionals.length > 1) throw usage('the body is one argument; put it in quotes');
  const data = values.data === undefined ? undefined : parseData(values.data);
  const [argument] = positionals;
  const body = argument === undefined ? await readStdin() : values.e ? readEscapes(argument) : argument;
  const draft: Draft = {
    type: values.type ?? 'INFO',
    project_id: values['project-id'] ?? values.project ?? env('PROJECT_ID'),
    task_id: values['task-id'] ?? values.task ?? env('TASK_ID'),
    run_id: values['run-id'] ?? env('RUN_ID'),
    source: values.source ?? (env('RUN_ID') === undefined ? 'cli' : `run:${env('RUN_ID')}`),
    parents: values.parent?.map((msg_id) => ({ msg_id, kind: 'caused_by' })),
    depth: currentDepth(),
    dedupe_key: values['dedupe-key'],
    data,
    body,
  };
  const { prepareDraft } = await import('../bus/draft.js');
  prepareDraft(draft, false); // before a root is made for a message that is refused
  const [{ openRoot }, { openWriter }] = await Promise.all([import('../storage/root.js'), import('../bus/writer.js')]);
  const { path, key } = await openRoot(rootOf(values.root));
  const writer = openWriter({ root: path, key, clock: { now: Date.now } });
  try {
    const [receipt] = await writer.submit([draft], false);
    await say(`${receipt?.msg_id ?? ''}\n`);
  } finally {
    await writer.close();
  }
};

const PLAIN = new Set(['msg_id', 'ts', 'type', 'project_id', 'task_id', 'run_id']);

const line = (key: string, value: unknown): string =>
  PLAIN.has(key) && typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
    ? `${key}: ${value}\n`
    : `${key}: ${oneLine(value)}\n`;

const oneLine = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const KEYS = [
  'msg_id',
  'ts',
  'type',
  'project_id',
  'task_id',
  'run_id',
  'source',
  'actor',
  'parents',
  'depth',
  'dedupe_key',
  'trust',
  'issue_id',
  'meta',
  'links',
  'data',
  'sealed',
  'authentic',
  'body',
] as const satisfies readonly (keyof Event)[];

const asText = (event: Event): string => {
  let text = '';
  for (const key of KEYS) if (event[key] !== undefined) text += line(key, event[key]);
  return text;
};

/** Resolves when the text is on its way: a slow reader of our output holds us back, not our memory. */
const say = (text: string): Promise<void> =>
  new Promise((resolve) => {
    process.stdout.write(text, () => {
      resolve();
    });
  });

const printer = (json: boolean): ((events: readonly Event[]) => Promise<void>) => {
  let first = true;
  return async (events) => {
    let text = '';
    for (const event of events) {
      if (json) text += `${oneLine(event)}\n`;
      else text += `${first ? '' : '---\n'}${asText(event)}`;
      first = false;
    }
    if (text) await say(text);
  };
};

const read = async (args: string[]): Promise<void> => {
  const { values, positionals } = parse(args, READ);
  if (values.help) return say(HELP);
  if (positionals.length > 0) throw usage(`read takes no argument "${positionals[0] ?? ''}"`);
  if (values.tail !== undefined && !/^\d{1,9}$/.test(values.tail)) throw usage('--tail: a whole number');
  const { idSchema } = await import('../core/event.js');
  const project_id = values['project-id'] ?? values.project;
  const task_id = values['task-id'] ?? values.task;
  for (const id of [project_id, task_id]) {
    const checked = id === undefined ? undefined : idSchema.safeParse(id);
    if (checked?.success === false)
      throw new ConductorError('bad_request', `"${id ?? ''}": ${checked.error.issues[0]?.message ?? 'no id'}`);
  }
  const query = {
    ...(values['since-id'] === undefined ? {} : { since_id: values['since-id'] }),
    ...(values.type === undefined ? {} : { types: values.type.flatMap((types) => types.split(',')) }),
    ...(values.tail === undefined ? {} : { tail: Number(values.tail) }),
    ...(project_id === undefined ? {} : { project_id }),
    ...(task_id === undefined ? {} : { task_id }),
    ...(values['run-id'] === undefined ? {} : { run_id: values['run-id'] }),
  };
  const [{ openRoot }, { readBus }, { matcher }] = await Promise.all([
    import('../storage/root.js'),
    import('../bus/reader.js'),
    import('../bus/query.js'),
  ]);
  const { path, key } = await openRoot(rootOf(values.root));
  const print = printer(values.json ?? false);

  if (!values.follow) {
    let waiting: Event[] = [];
    for await (const event of readBus(path, key, query)) {
      waiting.push(event);
      if (waiting.length >= 256) {
        await print(waiting);
        waiting = [];
      }
    }
    return print(waiting);
  }

  const [{ openWriter }, { follow }, { toCursor }, { concatMap, lastValueFrom }] = await Promise.all([
    import('../bus/writer.js'),
    import('../bus/tail.js'),
    import('../bus/cursor.js'),
    import('rxjs'),
  ]);
  const writer = openWriter({ root: path, key, clock: { now: Date.now } });
  const end = await writer.end();
  await writer.close();
  for await (const event of readBus(path, key, { ...query, until: end })) await print([event]);
  const matches = matcher(query);
  const live = follow({ root: path, key, cursor: toCursor(end) });
  await lastValueFrom(
    live.pipe(
      concatMap(async ({ events, damaged }) => {
        for (const { file, from, to, reason } of damaged)
          process.stderr.write(`messagebus-tool: ${file}: bytes ${from} to ${to}: ${reason}\n`);
        await print(events.filter(matches));
      }),
    ),
    { defaultValue: undefined },
  );
};

const main = async ([command, ...args]: string[]): Promise<void> => {
  if (command === 'write') return write(args);
  if (command === 'read') return read(args);
  if (command === '--help' || command === '-h' || command === 'help') return say(HELP);
  throw usage(
    command === undefined
      ? `say write or read\n\n${HELP}`
      : `there is no command "${command}"; there are write and read`,
  );
};

// Whoever reads us may stop at any time, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
  await main(process.argv.slice(2));
} catch (error) {
  const told = toConductorError(error);
  process.stderr.write(`messagebus-tool: ${told.message}\n`);
  process.exitCode = told.exit;
}
