/** How long signed deliveries made to be slow keep the main loop from everything else, from their first byte to their answer. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readBody } from '../../src/api/request.js';
import { openBlobs } from '../../src/bus/blobs.js';
import { deliveryWorker } from '../../src/cli/package-folder.js';
import { clock } from '../../src/cli/system.js';
import { createWebhooks } from '../../src/sources/webhooks.js';
import { temporary } from '../support/service.js';
import { longestStop, type Report } from './measure.js';

const SECRET = 'a secret of the benchmark';

export const largeDeliveries = async (report: Report): Promise<void> => {
  const webhooks = createWebhooks({
    config: { github: { secrets: [SECRET] } },
    blobs: openBlobs(temporary('large')),
    clock,
    worker: deliveryWorker,
  });
  const taking = webhooks
    .open()
    .subscribe(({ settle }) => settle?.({ receipts: [{ msg_id: 'MSG', duplicate: false }] }));
  const server = createServer((request, response) => {
    readBody(request, '/webhooks/github')
      .then((body) => webhooks.receive('github', request.headers, body))
      .then(
        () => response.writeHead(202).end(),
        (error: { status: number }) => response.writeHead(error.status).end(),
      );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  // What they are made of is another process's garbage.
  const longest = await longestStop(async () => {
    const sender = spawn(process.execPath, [join(import.meta.dirname, 'large-sender.mjs'), url, SECRET], {
      stdio: 'inherit',
    });
    const [code] = (await once(sender, 'exit')) as [number];
    if (code !== 0) throw new Error(`the sender ended with ${code}`);
  });
  taking.unsubscribe();
  server.close();
  // Without a bar: half of it is the collector, which 25 MiB set to work, and that takes what the machine takes.
  report({
    name: 'longest stop of the main loop while deliveries made to be slow are taken',
    kind: 'time',
    ours: longest,
    reference: 20,
    against: '20 ms',
  });
};
