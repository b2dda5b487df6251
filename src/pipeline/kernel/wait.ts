import type { ApprovalRequested } from '../../core/approval.js';
import { ConductorError } from '../../core/errors.js';
import { firstMismatch } from '../../core/match.js';
import type { Pattern } from '../../core/pattern.js';
import type { WaitFor, WaitStep } from '../../core/handler.js';
import type { Answer, StepStarted } from '../../core/ledger-view.js';
import type { Call, Context } from '../context.js';
import { untilMoment, waitFor } from '../sleep.js';
import { completed, failure, forTemplate, type Outcome } from '../scope.js';
import { render, renderDeep } from '../template.js';

type Waiting<Kind extends WaitFor['kind']> = Call<WaitStep> & { for: Extract<WaitFor, { kind: Kind }> };

const timedOut = ({ step }: Call<WaitStep>, what: string): Outcome =>
  step.on_timeout === 'continue'
    ? { ...completed(), data: { timed_out: true } }
    : failure(1, `timeout: ${what} did not come in time`);

const requestOf = (started: StepStarted, what: WaitFor): ApprovalRequested => ({
  approval: `${started.activation}/${started.step}`,
  question: started.question ?? '',
  activation: started.activation,
  step: started.step,
  ...(what.kind === 'approval' && what.default ? { default: what.default } : {}),
  ...(started.until === undefined ? {} : { expires_at: started.until }),
});

/** Remembers that it waits, from the first time on: its end does not move when it is looked at again after a restart. */
const begin = async (
  { context, step, path }: Call<WaitStep>,
  what: Pick<StepStarted, 'kind'> & Partial<StepStarted>,
  body: string,
): Promise<StepStarted> => {
  const before = context.activation.started.get(path);
  if (before) return before;
  const until =
    what.until ??
    (step.timeout === undefined ? undefined : new Date(context.ports.clock.now() + step.timeout).toISOString());
  const started = { activation: context.id, step: path, ...what, ...(until === undefined ? {} : { until }) };
  await context.journal.commit(
    what.kind === 'approval'
      ? context.fact('APPROVAL_REQUESTED', { ...requestOf(started, step.for) }, body)
      : context.fact('STEP_STARTED', started, body),
  );
  return context.activation.started.get(path) ?? started;
};

const answerOf = (call: Call<WaitStep>, started: StepStarted, types: readonly string[]) =>
  waitFor<Answer>(
    call,
    { path: call.path, types, until: started.until === undefined ? undefined : Date.parse(started.until) },
    () => call.context.activation.started.get(call.path)?.answer,
  );

const forTime = async (call: Call<WaitStep>, until: string): Promise<Outcome> => {
  const started = await begin(call, { kind: 'timer', until }, `step ${call.path} waits until ${until}`);
  await untilMoment(call, started.until ?? until);
  return completed();
};

/** The moment of a template, as RFC 3339. */
const momentOf = (call: Waiting<'moment'>): string => {
  const text = render(call.for.at, forTemplate(call.frame.variables), call.context.ports.nonce());
  const moment = Date.parse(text);
  if (Number.isNaN(moment)) throw new ConductorError('bad_request', `"${text}" is no moment; write RFC 3339`);
  return new Date(moment).toISOString();
};

/** An answer that came between the step that asked and this one: looked for once, when the wait begins. */
const answeredAlready = async (
  context: Context,
  since: string,
  types: readonly string[],
  match: Readonly<Record<string, Pattern>>,
): Promise<Answer | undefined> => {
  for await (const event of context.ports.bus.read({ since_id: since, types: [...types] }))
    if (event.sealed && firstMismatch(match, event) === undefined) return event;
  return undefined;
};

const forEvent = async (call: Waiting<'event'>): Promise<Outcome> => {
  const { context, frame, path } = call;
  const { types, when, since } = call.for;
  const match = renderDeep(call.for.match, forTemplate(frame.variables), context.ports.nonce()) as Record<
    string,
    Pattern
  >;
  const isNew = !context.activation.started.has(path);
  const started = await begin(
    call,
    { kind: 'event', types, match, ...(when === undefined ? {} : { when }) },
    `step ${path} waits for ${types.join(', ')}`,
  );
  const asked = since === undefined ? undefined : (frame.variables.steps[since] as { output?: string } | undefined);
  const earlier = isNew && asked?.output ? await answeredAlready(context, asked.output, types, match) : undefined;
  const answer = earlier ?? (await answerOf(call, started, types));
  return answer ? completed(answer.body, { ...answer }) : timedOut(call, types.join(', '));
};

/** Rejected is a failure; so a handler that asks goes on only with a yes. */
const forApproval = async (call: Waiting<'approval'>): Promise<Outcome> => {
  const { context, frame } = call;
  const question = render(call.for.question, forTemplate(frame.variables), context.ports.nonce());
  const started = await begin(
    call,
    { kind: 'approval', question },
    `${question}\n\nApprove: conductor approve ${context.activation.task_id}`,
  );
  const answer = await answerOf(call, started, ['APPROVAL_DECIDED']);
  if (!answer && call.for.default === undefined) return timedOut(call, 'a decision');
  const decision = answer ? String(answer.data['decision']) : call.for.default!;
  const comment = answer?.data['comment'];
  const by = answer ? String(answer.data['by']) : 'timeout';
  const data = { approved: decision === 'approve', decision, by, comment: typeof comment === 'string' ? comment : '' };
  return data.approved
    ? completed(data.comment, data)
    : { ...failure(2, `rejected by ${by}${data.comment ? `: ${data.comment}` : ''}`), data };
};

const atBarrier = async (call: Waiting<'barrier'>): Promise<Outcome> => {
  const { frame, context } = call;
  const { barriers } = frame;
  if (!barriers) throw new ConductorError('bad_request', 'a barrier stands in a lane of a parallel step');
  const { name, parties } = call.for;
  const broken = await context.rest.wait({ types: [], until: undefined }, () =>
    barriers.arrive(name, parties, [frame.stop, context.drain]),
  );
  return broken === undefined ? completed() : failure(2, `the barrier "${name}" cannot open: ${broken}`);
};

export const runWait = async (call: Call<WaitStep>): Promise<Outcome> => {
  const { for: what } = call.step;
  switch (what.kind) {
    case 'timer':
      return forTime(call, new Date(call.context.ports.clock.now() + what.ms).toISOString());
    case 'moment':
      return forTime(call, momentOf({ ...call, for: what }));
    case 'event':
      return forEvent({ ...call, for: what });
    case 'approval':
      return forApproval({ ...call, for: what });
    case 'barrier':
      return atBarrier({ ...call, for: what });
  }
};
