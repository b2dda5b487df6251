/**
 * The doors between the rooms, one file a room. A room implements a port or is handed one; it never imports another room.
 * Whoever opens returns the way to close.
 */
export type * from './ports/surroundings.js';
export type * from './ports/bus.js';
export type * from './ports/ledger.js';
export type * from './ports/router.js';
export type * from './ports/pipeline.js';
export type * from './ports/sources.js';
export type * from './ports/runner.js';
export type * from './ports/storage.js';
export type * from './ports/workspace.js';
export type * from './ports/notify.js';
export type { RunScope } from './run.js';
