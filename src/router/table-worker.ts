// Checks rule files beside the main loop, which a file made to be slow must not stop.
import { parentPort } from 'node:worker_threads';
import { toConductorError } from '../core/errors.js';
import type { HandlerSignature } from '../core/parameters.js';
import { openCheck, type RuleFile } from './check-table.js';

parentPort?.on('message', ({ files, handlers }: { files: RuleFile[]; handlers?: HandlerSignature[] }) => {
  const check = openCheck(handlers);
  // Each is told when it is done: the time of one is bounded, and a large table does not arrive in one piece.
  for (const file of files) {
    try {
      parentPort?.postMessage({ placed: check(file) });
    } catch (error) {
      const { code, details, position, message } = toConductorError(error);
      parentPort?.postMessage({ error: { code, message, details, position } });
    }
  }
  parentPort?.postMessage('done');
});
parentPort?.postMessage('ready');
