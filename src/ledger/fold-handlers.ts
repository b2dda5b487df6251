import { compileCondition, type Condition } from '../core/condition.js';
import type { ApprovalDecided, ApprovalRequested } from '../core/approval.js';
import type { Event } from '../core/event.js';
import type {
  Activation,
  Answer,
  Fired,
  HandlerRequested,
  HandlerStarted,
  LedgerView,
  StepResult,
  StepStarted,
} from '../core/ledger-view.js';
import { lineageOf } from '../core/lineage.js';
import { firstMismatch } from '../core/match.js';
import { enter, leave } from './groups.js';

const keyOf = (started: { activation: string; step: string }): string => `${started.activation}\n${started.step}`;

const answerOf = ({ msg_id, ts, type, body, data, project_id, actor, source }: Event): Answer => ({
  msg_id,
  ts,
  type,
  body,
  data,
  project_id,
  source,
  ...(actor === undefined ? {} : { actor }),
});

const stopWaiting = (view: LedgerView, started: StepStarted): void => {
  for (const type of started.types ?? []) {
    const keys = view.waits.get(type);
    keys?.delete(keyOf(started));
    if (keys?.size === 0) view.waits.delete(type);
  }
};

const conditions = new Map<string, Condition>();
const holds = (expression: string | undefined, event: Event): boolean => {
  if (expression === undefined) return true;
  let condition = conditions.get(expression);
  if (!condition) conditions.set(expression, (condition = compileCondition(expression, ['event'])));
  try {
    return condition({ event });
  } catch {
    // A field that this event does not have: it is not the one that is waited for.
    return false;
  }
};

/** Whether an event of a type that is waited for is the one. */
export const answers = (started: StepStarted, event: Event): boolean =>
  firstMismatch(started.match, event) === undefined && holds(started.when, event);

/** Gives the event to every step that waits for it. */
export const answerWaits = (view: LedgerView, event: Event): void => {
  for (const key of [...(view.waits.get(event.type) ?? [])]) {
    const [activation = '', step = ''] = key.split('\n');
    const started = view.activations.get(activation)?.started.get(step);
    if (!started || !answers(started, event)) continue;
    started.answer = answerOf(event);
    stopWaiting(view, started);
  }
};

const begin = (view: LedgerView, activation: Activation | undefined, started: StepStarted): void => {
  if (activation?.status !== 'open') return;
  activation.started.set(started.step, started);
  for (const type of started.types ?? []) {
    const keys = view.waits.get(type) ?? new Set();
    view.waits.set(type, keys.add(keyOf(started)));
  }
};

const finishStep = (view: LedgerView, activation: Activation | undefined, result: StepResult): void => {
  if (activation?.status !== 'open') return;
  activation.steps.set(result.step, result);
  activation.attempts.delete(result.step);
  const started = activation.started.get(result.step);
  if (!started) return;
  stopWaiting(view, started);
  // What a map goes over and whom a call calls is needed again when the steps below are looked up.
  if (started.kind !== 'items' && started.kind !== 'call') activation.started.delete(result.step);
};

/** An activation begins to be, and may begin. */
export const open = (view: LedgerView, fired: Fired, cause: Event | undefined): void => {
  if (view.activations.has(fired.activation)) return;
  const activation: Activation = {
    ...fired,
    status: 'open',
    ...(cause ? { cause } : {}),
    steps: new Map(),
    started: new Map(),
    attempts: new Map(),
  };
  view.activations.set(fired.activation, activation);
  enter(view, activation);
};

/** Of one that failed everything is kept by which it can be resumed. */
export const close = (view: LedgerView, activation: Activation, status: 'completed' | 'failed' | 'cancelled'): void => {
  activation.status = status;
  leave(view, activation);
  for (const started of activation.started.values()) stopWaiting(view, started);
  delete activation.parked;
  if (status === 'failed' && !activation.stopped) return;
  delete activation.cause;
  activation.steps.clear();
  activation.started.clear();
  activation.attempts.clear();
};

const finish = (view: LedgerView, activation: Activation, event: Event): void => {
  const { status, exit, error } = event.data;
  if (typeof exit === 'number') activation.exit = exit;
  if (typeof error === 'string') activation.error = error;
  close(view, activation, status === 'completed' || status === 'cancelled' ? status : 'failed');
};

/** Only a handler's step waits here; a run's question is answered by whoever holds its call. */
const ask = (view: LedgerView, activation: Activation | undefined, asked: ApprovalRequested): void => {
  if (asked.activation === undefined || asked.step === undefined) return;
  begin(view, activation, {
    activation: asked.activation,
    step: asked.step,
    kind: 'approval',
    question: asked.question,
    ...(asked.expires_at === undefined ? {} : { until: asked.expires_at }),
  });
};

/** An approval is `<activation>/<step>`; both may hold a slash, and a step's path does not begin before a known activation. */
const decide = (view: LedgerView, event: Event): void => {
  const { approval } = event.data as unknown as ApprovalDecided;
  for (let at = approval.lastIndexOf('/'); at > 0; at = approval.lastIndexOf('/', at - 1)) {
    const started = view.activations.get(approval.slice(0, at))?.started.get(approval.slice(at + 1));
    if (started?.kind !== 'approval') continue;
    started.answer ??= answerOf(event);
    return;
  }
};

/** It answers an event that was never on the bus: so no rule heard of it. */
const request = (view: LedgerView, event: Event): void => {
  const { handler, cwd, event: given, with: parameters } = event.data as unknown as HandlerRequested;
  const activation = `handler/${event.msg_id}`;
  const fired = {
    activation,
    rule: 'handler',
    event: event.msg_id,
    handler,
    project_id: event.project_id,
    task_id: event.task_id ?? handler,
    ...lineageOf(view, event),
    ...(parameters ? { with: parameters } : {}),
  };
  open(view, fired, { ...event, ...given });
  const opened = view.activations.get(activation);
  if (opened) opened.folder = cwd;
};

/** A failed one goes on from the first step that did not succeed: its failures are forgotten, and so are groups, which look again. */
const resume = (view: LedgerView, activation: Activation, { hash, calls = [] }: HandlerStarted): void => {
  if (activation.status === 'open' && activation.parked === undefined) return;
  if (activation.status === 'failed') {
    for (const [path, result] of activation.steps)
      if (result.status === 'failed' && !result.tolerated) activation.steps.delete(path);
    for (const [path, started] of activation.started)
      if (started.kind !== 'items' && started.kind !== 'call') activation.started.delete(path);
  }
  for (const path of calls) delete activation.started.get(path)?.hash;
  activation.status = 'open';
  activation.hash = hash;
  delete activation.parked;
  delete activation.cancel;
  delete activation.exit;
  delete activation.error;
  enter(view, activation);
};

/** What a fact of the pipeline changes; false when it is none. */
export const foldHandler = (view: LedgerView, event: Event): boolean => {
  const activation = view.activations.get(String(event.data['activation']));
  switch (event.type) {
    case 'STEP_STARTED':
      begin(view, activation, { ...(event.data as unknown as StepStarted) });
      return true;
    case 'APPROVAL_REQUESTED':
      ask(view, activation, event.data as unknown as ApprovalRequested);
      return true;
    case 'STEP_FINISHED':
      finishStep(view, activation, event.data as unknown as StepResult);
      return true;
    case 'APPROVAL_DECIDED':
      decide(view, event);
      return true;
    case 'HANDLER_REQUESTED':
      request(view, event);
      return true;
    case 'HANDLER_STARTED':
      view.ready.delete(String(event.data['activation']));
      if (activation) activation.hash = (event.data as unknown as HandlerStarted).hash;
      return true;
    case 'HANDLER_PARKED':
      view.ready.delete(String(event.data['activation']));
      if (activation?.status === 'open') activation.parked = String(event.data['reason']);
      return true;
    case 'HANDLER_RESUMED':
      if (activation?.cause) resume(view, activation, event.data as unknown as HandlerStarted);
      return true;
    case 'HANDLER_CANCEL':
      if (activation?.status === 'open') activation.cancel = String(event.data['reason']);
      return true;
    case 'HANDLER_FINISHED':
      if (activation?.status === 'open') finish(view, activation, event);
      return true;
    default:
      return false;
  }
};
