import { toHeaderJson } from '../../bus/escape.js';
import { readBatches, type ReadQuery } from '../../bus/reader.js';
import type { Event } from '../../core/event.js';
import type { DamagedRange } from '../../core/ports.js';
import { say } from './options.js';

const PLAIN = new Set(['msg_id', 'ts', 'type', 'project_id', 'task_id', 'run_id']);

const line = (key: string, value: unknown): string =>
  PLAIN.has(key) && typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
    ? `${key}: ${value}\n`
    : `${key}: ${toHeaderJson(value)}\n`;

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

export type Print = (events: readonly Event[]) => Promise<void>;

export const printer = (json: boolean): Print => {
  let first = true;
  return async (events) => {
    let text = '';
    for (const event of events) {
      if (json) text += `${toHeaderJson(event)}\n`;
      else text += `${first ? '' : '---\n'}${asText(event)}`;
      first = false;
    }
    if (text) await say(text);
  };
};

export const warnOf = ({ file, from, to, reason }: DamagedRange): void =>
  void process.stderr.write(`messagebus-tool: ${file}: bytes ${from} to ${to}: ${reason}\n`);

export const printThere = async (root: string, key: Buffer, query: ReadQuery, print: Print): Promise<void> => {
  for await (const events of readBatches(root, key, { ...query, onDamaged: warnOf })) await print(events);
};
