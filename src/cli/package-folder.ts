import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where package.json and the shipped rules/ and handlers/ are: from src/cli and from dist/cli alike. */
export const packageFolder = resolve(import.meta.dirname, '..', '..');
/** The folder of the commands: first on the PATH of every run. */
export const binFolder = join(import.meta.dirname, 'bin');
/** The thread that checks rule files. */
export const tableWorker = join(packageFolder, 'dist', 'router', 'table-worker.js');

/** The thread that reads large webhooks. */
export const deliveryWorker = join(packageFolder, 'dist', 'sources', 'delivery-worker.js');

/** The thread that looks for what runs leave behind. */
export const sweepWorker = join(packageFolder, 'dist', 'runner', 'sweep-worker.js');

/** The thread that builds the index of a segment of the bus that was closed. */
export const indexWorker = join(packageFolder, 'dist', 'bus', 'index-worker.js');

/** The process that starts runs. */
export const spawnHelper = join(packageFolder, 'dist', 'runner', 'spawn-helper.js');

/** What `init` writes out. */
export const templatesFolder = join(import.meta.dirname, 'templates');
/** Our agent for services over HTTP. */
export const restProgram = [process.execPath, join(packageFolder, 'dist', 'runner', 'rest', 'main.js')];

export const readVersion = (): string =>
  (JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }).version;
