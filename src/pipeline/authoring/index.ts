export { z } from 'zod';
export { ConductorError } from '../../core/errors.js';
export { handler, type HandlerDefinition } from './handler.js';
export * from './patterns.js';
export { cel, event, fence, item, iteration, parameters, text, type Ref, type Refs } from './refs.js';
export {
  agent,
  attempt,
  branch,
  call,
  code,
  emit,
  map,
  parallel,
  repeat,
  sequence,
  shell,
  step,
  wait,
  type AnyStep,
  type Built,
} from './steps.js';
