import { isBelieved } from '../../core/event.js';
import { TASK_HANDLER } from '../../core/task.js';
import { handlerFinished, handlerResumed, requested, routed, stepFinished } from './fold-activations.js';
import { approvalDecided, approvalRequested } from './fold-approvals.js';
import { runDeleted, runStarted, runStopped } from './fold-runs.js';
import { loopEnded, taskChanged, taskDeleted, taskStopped } from './fold-tasks.js';
import type { Fold } from './shelves.js';

const MOST_RULE_ERRORS = 500;

const ruleErred: Fold = ({ ruleErrors }, { data, ts, msg_id }) => {
  ruleErrors.push({
    rule: String(data['rule']),
    event: String(data['event']),
    error: String(data['message']).slice(0, 500),
    ts,
    msg_id,
  });
  if (ruleErrors.length > MOST_RULE_ERRORS) ruleErrors.shift();
};

const FOLDS: Readonly<Record<string, Fold>> = {
  ROUTED: routed,
  RUN_START: runStarted,
  RUN_STOP: runStopped,
  STEP_FINISHED: stepFinished,
  HANDLER_FINISHED: handlerFinished,
  APPROVAL_REQUESTED: approvalRequested,
  APPROVAL_DECIDED: approvalDecided,
  HANDLER_RESUMED: handlerResumed,
  TASK_REQUESTED: requested('task', () => TASK_HANDLER),
  HANDLER_REQUESTED: requested('handler', ({ data }) => String(data['handler'])),
  RULE_ERROR: ruleErred,
  RUN_LOOP_STARTED: taskChanged('pending'),
  RUN_LOOP_TURN: taskChanged('running'),
  RUN_LOOP_ENDED: loopEnded,
  TASK_WAITING: taskChanged('pending'),
  TASK_BLOCKED: taskChanged('failed'),
  TASK_STOPPED: taskStopped,
  TASK_DELETED: taskDeleted,
  RUN_DELETED: runDeleted,
};

/** What one message changes in the lists. Only what is believed counts, as in the ledger. */
export const fold: Fold = (shelves, event) => {
  shelves.counts.set(event.type, (shelves.counts.get(event.type) ?? 0) + 1);
  if (isBelieved(event) && Object.hasOwn(FOLDS, event.type)) FOLDS[event.type]?.(shelves, event);
};
