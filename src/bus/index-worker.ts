// Builds the index of a closed segment beside the main loop, which has messages to take.
import { workerData } from 'node:worker_threads';
import type { IndexOrder } from './index-thread.js';
import { buildIndex } from './segment-index.js';

const { root, segment, key, newest } = workerData as IndexOrder;
await buildIndex(root, segment, Buffer.from(key), newest);
