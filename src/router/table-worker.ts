// Checks rule files beside the main loop, which a file made to be slow must not stop.
import { parentPort } from 'node:worker_threads';
import { toConductorError } from '../core/errors.js';
import { checkTable, type RuleFile } from './check-table.js';

parentPort?.on('message', ({ files, handlers }: { files: RuleFile[]; handlers?: string[] }) => {
  try {
    parentPort?.postMessage({ placed: checkTable(files, handlers) });
  } catch (error) {
    const { code, details, position, message } = toConductorError(error);
    parentPort?.postMessage({ error: { code, message, details, position } });
  }
});
parentPort?.postMessage('ready');
