// Reads large deliveries beside the main loop, which a body made to be slow must not stop.
import { parentPort } from 'node:worker_threads';
import { failureOf } from '../core/failure.js';
import type { LargeAnswer, LargeOrder } from './large.js';
import { openEndpoint, readDelivery } from './read-delivery.js';

parentPort?.on('message', ({ name, config, headers, bytes, offset, length, now }: LargeOrder) => {
  try {
    const rawBody = Buffer.from(bytes, offset, length);
    const read = readDelivery(openEndpoint(name, config), { headers, rawBody }, now);
    parentPort?.postMessage({ read, bytes } satisfies LargeAnswer, [bytes]);
  } catch (error) {
    parentPort?.postMessage({ failure: failureOf(error) } satisfies LargeAnswer);
  }
  parentPort?.postMessage('done');
});
parentPort?.postMessage('ready');
