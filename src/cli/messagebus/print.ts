import { jsonOf } from '../../bus/escape.js';
import { NAMES, type HeaderName } from '../../bus/header.js';
import { readBatches, type ReadQuery } from '../../bus/reader.js';
import type { Event } from '../../core/event.js';
import type { DamagedRange } from '../../core/ports.js';
import { say } from './options.js';

/** Of the record alone, not of the message. */
const NOT_SHOWN: readonly string[] = ['body_bytes', 'mac', 'crc32'];
const isShown = (name: HeaderName): name is HeaderName & keyof Event => !NOT_SHOWN.includes(name);
const KEYS = [...NAMES.filter(isShown), 'sealed', 'authentic', 'body'] as const;
const PLAIN: readonly string[] = ['msg_id', 'ts', 'type', 'project_id', 'task_id', 'run_id'];

const line = (key: string, value: unknown): string =>
  PLAIN.includes(key) && typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
    ? `${key}: ${value}\n`
    : `${key}: ${jsonOf(value)}\n`;

const member = (key: string, value: unknown): string => `${key === KEYS[0] ? '{' : ','}"${key}":${jsonOf(value)}`;

/** Says each field of an event. Most say what the event before said, and that is not made again. */
const eachField = (say: (key: string, value: unknown) => string): ((event: Event) => string) => {
  const last: { key: keyof Event; value: unknown; text: string }[] = KEYS.map((key) => ({
    key,
    value: undefined,
    text: '',
  }));
  return (event) => {
    let text = '';
    for (const field of last) {
      const value = event[field.key];
      if (value === undefined) continue;
      if (value !== field.value) {
        field.value = value;
        field.text = say(field.key, value);
      }
      text += field.text;
    }
    return text;
  };
};

export type Print = (events: readonly Event[]) => Promise<void>;

export const printer = (json: boolean): Print => {
  const fields = eachField(json ? member : line);
  let first = true;
  return async (events) => {
    let text = '';
    for (const event of events) {
      if (json) text += `${fields(event)}}\n`;
      else text += `${first ? '' : '---\n'}${fields(event)}`;
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
