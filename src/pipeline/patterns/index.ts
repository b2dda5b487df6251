import { approve } from './approve.js';
import { compare } from './compare.js';
import { conditional } from './conditional.js';
import { decompose } from './decompose.js';
import { fanOut } from './fan-out.js';
import { parallelExecution } from './parallel-execution.js';
import type { Pattern } from './pattern.js';
import { phases } from './phases.js';
import { ralph } from './ralph.js';
import { reduce } from './reduce.js';
import { refine } from './refine.js';
import { review } from './review.js';
import { rollout } from './rollout.js';
import { saga } from './saga.js';
import { supervise } from './supervise.js';
import { sync, syncPoint } from './sync.js';

/** In this order: where several would fit, the first. */
export const PATTERNS: readonly Pattern[] = [
  review,
  phases,
  fanOut,
  conditional,
  parallelExecution,
  reduce,
  refine,
  supervise,
  saga,
  compare,
  sync,
  syncPoint,
  decompose,
  rollout,
  approve,
  ralph,
];
