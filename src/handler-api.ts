/** What authors of handlers and tools import from the package. */
export type { Draft, Event } from './core/event.js';
export type { Handler, Step } from './core/handler.js';
export type { AgentEvent, RunEnd, RunInfo } from './core/run.js';
export * from './pipeline/authoring/index.js';
