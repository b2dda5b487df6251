import type { ParseArgsConfig } from 'node:util';
import { prepareDraft } from '../../bus/draft.js';
import { readSettings } from '../../bus/settings.js';
import { openWriter } from '../../bus/writer.js';
import type { Draft } from '../../core/event.js';
import { openRoot } from '../../storage/root.js';
import { sayAtOnce } from '../say-at-once.js';
import { COMMON, env, parse, rootOf, usage } from './options.js';

const WRITE = {
  ...COMMON,
  type: { type: 'string' },
  data: { type: 'string' },
  parent: { type: 'string', multiple: true },
  'dedupe-key': { type: 'string' },
  source: { type: 'string' },
  e: { type: 'boolean', short: 'e' },
} as const satisfies ParseArgsConfig['options'];

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

export const write = async (args: string[], help: string): Promise<void> => {
  const { values, positionals } = parse(args, WRITE);
  if (values.help) return sayAtOnce(help);
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
  prepareDraft(draft, false); // before a root is made for a message that is refused
  const { path, key } = await openRoot(rootOf(values.root));
  const settings = readSettings(path, env('CONDUCTOR_DURABILITY'));
  const writer = openWriter({ root: path, key, clock: { now: Date.now }, ...settings });
  try {
    const [receipt] = await writer.submit([draft], false);
    sayAtOnce(`${receipt?.msg_id ?? ''}\n`);
  } finally {
    await writer.close();
  }
};
