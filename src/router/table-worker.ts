// Checks rule files beside the main loop, which a file made to be slow must not stop.
import { parentPort } from 'node:worker_threads';
import { failureOf } from '../core/failure.js';
import { openCheck, type CheckAnswer, type CheckOrder } from './check-table.js';

const say = (answer: CheckAnswer): void => parentPort?.postMessage(answer);

parentPort?.on('message', ({ files, handlers }: CheckOrder) => {
  const check = openCheck(handlers);
  // Each is told when it is done: the time of one is bounded, and a large table does not arrive in one piece.
  for (const file of files) {
    try {
      say({ placed: check(file) });
    } catch (error) {
      say({ failure: failureOf(error) });
    }
  }
  parentPort?.postMessage('done');
});
parentPort?.postMessage('ready');
