/**
 * The work of one webhook with nothing around it: bare node:http, HMAC over the raw bytes, JSON, the same fields, a Set of
 * delivery ids, a record in the bus's own encoding, one write and one fdatasync for all that wait, then 202.
 * Arguments: file to append to, secret. Prints its port.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { fdatasync, openSync, writeSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { prepare } from '../../src/bus/encode.js';
import { seal } from '../../src/bus/format.js';
import { nextMoment, stampOf, type Moment } from '../../src/bus/stamp.js';

const [, , path = '', secret = ''] = process.argv;
const file = openSync(path, 'a');
const known = new Map<string, string>();
let last: Moment | undefined;
let seq = 0;

let waiting: { bytes: Buffer; msg_id: string; response: ServerResponse }[] = [];
let isWriting = false;
const commit = (): void => {
  const calls = waiting;
  waiting = [];
  isWriting = calls.length > 0;
  if (!isWriting) return;
  writeSync(file, Buffer.concat(calls.map(({ bytes }) => bytes)));
  fdatasync(file, () => {
    for (const { response, msg_id } of calls) answer(response, 202, { msg_id, duplicate: false });
    commit();
  });
};

const answer = (response: ServerResponse, status: number, body: unknown): void => {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
};

interface Push {
  ref: string;
  before: string;
  after: string;
  compare: string;
  repository: { full_name: string };
  sender: { login: string };
  pusher: { name: string };
  commits: { id: string; message: string; author: { username: string } }[];
}

const dataOf = (push: Push): Record<string, unknown> => ({
  repository: push.repository.full_name,
  sender: push.sender.login,
  ref: push.ref,
  branch: push.ref.slice('refs/heads/'.length),
  sha: push.after,
  before: push.before,
  pusher: push.pusher.name,
  commits: push.commits.slice(-20).map(({ id, message, author }) => ({ id, message, author: author.username })),
  commit_count: push.commits.length,
  html_url: push.compare,
});

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const given = Buffer.from(String(request.headers['x-hub-signature-256']).slice(7), 'hex');
    const digest = createHmac('sha256', secret).update(body).digest();
    if (given.length !== digest.length || !timingSafeEqual(given, digest)) return answer(response, 401, {});
    const push = JSON.parse(body.toString()) as Push;
    const dedupe_key = `webhook:github:${String(request.headers['x-github-delivery'])}`;
    const first = known.get(dedupe_key);
    if (first !== undefined) return answer(response, 202, { msg_id: first, duplicate: true });
    last = nextMoment(Date.now(), last);
    const stamp = stampOf(last, process.pid, ++seq);
    known.set(dedupe_key, stamp.msg_id);
    const fields = {
      type: 'CODE_PUSHED',
      project_id: 'default',
      source: 'webhook:github',
      actor: push.sender.login,
      parents: [],
      depth: 0,
      dedupe_key,
      trust: 'outside' as const,
      meta: { actor_kind: 'person' },
      data: dataOf(push),
      body: `${push.pusher.name} pushed to ${push.repository.full_name}`,
    };
    waiting.push({ bytes: seal(prepare(fields), stamp), msg_id: stamp.msg_id, response });
    if (!isWriting) commit();
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
