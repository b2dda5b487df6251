import { hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Clock, Log } from '../core/ports.js';

/** One line of audit.jsonl. */
export interface AuditEntry {
  request_id: string;
  /** Who, as far as the credential told; `anyone` without one. */
  caller: string;
  address: string;
  method: string;
  path: string;
  status: number;
  /** The error's code, where it was one. */
  code?: string;
  /** What was decided: an approval, a rule switched off. */
  decision?: Record<string, unknown>;
}

export interface Audit {
  write(entry: AuditEntry): void;
  /** Resolves when every line is in the file. */
  close(): Promise<void>;
}

const FLUSH_MS = 20;

const lastLine = async (file: string): Promise<string | undefined> => {
  let last: string | undefined;
  try {
    for await (const line of createInterface({ input: createReadStream(file) })) if (line !== '') last = line;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return last;
};

const linkOf = (line: string | undefined): string => hash('sha256', line ?? '', 'base64url');

type Rest = Omit<AuditEntry, 'request_id'>;

const isAlike = (one: Rest, other: Rest): boolean =>
  one.caller === other.caller &&
  one.path === other.path &&
  one.status === other.status &&
  one.method === other.method &&
  one.address === other.address &&
  one.code === other.code &&
  one.decision === other.decision;

/** Writes lines out by hand: every request pays for its own, and most have only an id that the one before has not. */
const lineWriter = () => {
  let at = { ts: Number.NaN, text: '' };
  let last: { rest: Rest; text: string } | undefined;
  return (ts: number, entry: AuditEntry, prev: string): string => {
    if (at.ts !== ts) at = { ts, text: new Date(ts).toISOString() };
    if (!last || !isAlike(last.rest, entry)) {
      const { request_id: _id, ...rest } = entry;
      last = { rest, text: JSON.stringify(rest).slice(1, -1) };
    }
    return `{"ts":"${at.text}","request_id":${JSON.stringify(entry.request_id)},${last.text},"prev":"${prev}"}`;
  };
};

/** Who asked for a change, and who was refused: one line each, chained by the hash of the line before (`prev`). */
export const openAudit = async (
  file: string,
  { clock, log }: { clock: Pick<Clock, 'now'>; log: Log },
): Promise<Audit> => {
  let prev = linkOf(await lastLine(file));
  const lineOf = lineWriter();
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  let waiting: [ts: number, entry: AuditEntry][] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    let text = '';
    for (const [ts, entry] of waiting) {
      const line = lineOf(ts, entry, prev);
      prev = linkOf(line);
      text += `${line}\n`;
    }
    waiting = [];
    if (text !== '') stream.write(text);
  };
  stream.on('error', (error) => log.error('the audit cannot be written', { file, reason: error.message }));
  return {
    write(entry) {
      waiting.push([clock.now(), entry]);
      // A burst of requests is one write, and none of them waits for its line.
      timer ??= setTimeout(flush, FLUSH_MS);
    },
    close: () =>
      new Promise((resolve) => {
        flush();
        stream.end(() => resolve());
      }),
  };
};

/** The first line whose `prev` is not the hash of the line before it, from 1; undefined when the chain is whole. */
export const findBreak = async (file: string): Promise<number | undefined> => {
  let before: string | undefined;
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number += 1;
    if ((JSON.parse(line) as { prev?: string }).prev !== linkOf(before)) return number;
    before = line;
  }
  return undefined;
};
