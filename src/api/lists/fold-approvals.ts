import type { ApprovalDecided, ApprovalRequested } from '../../core/approval.js';
import type { ActivationRow, ApprovalRow } from './rows.js';
import { groupsOf, type Fold, type Shelves } from './shelves.js';

export const approvalRequested: Fold = ({ approvals }, event) => {
  const asked = event.data as unknown as ApprovalRequested;
  const known = approvals.get(asked.approval);
  if (known?.status === 'waiting') return;
  // A step that is tried again asks again by the same name.
  if (known) approvals.remove(asked.approval);
  const { approval, question, run_id, activation, step, expires_at } = asked;
  approvals.add({
    approval,
    question,
    status: 'waiting',
    project_id: event.project_id,
    ...(event.task_id === undefined ? {} : { task_id: event.task_id }),
    ...(run_id === undefined ? {} : { run_id }),
    ...(activation === undefined ? {} : { activation }),
    ...(step === undefined ? {} : { step }),
    ...(asked.default === undefined ? {} : { default: asked.default }),
    ...(expires_at === undefined ? {} : { expires_at }),
    asked: event.ts,
    msg_id: event.msg_id,
  });
};

type Asker = { activation: string } | { run_id: string };
type Status = ApprovalRow['status'];

const turn = ({ approvals }: Shelves, asker: Asker, from: Status, to: Status, step?: string): void => {
  for (const group of groupsOf(asker))
    for (const row of approvals.of(group))
      if (row.status === from && (step === undefined || row.step === step))
        approvals.change(row, (one) => (one.status = to));
};

/** Whoever asked has ended, or the one step of it that did: nobody waits for the answer. */
export const withdraw = (shelves: Shelves, asker: Asker, step?: string): void =>
  turn(shelves, asker, 'waiting', 'withdrawn', step);

/** It goes on, and its steps that have not ended still wait. */
export const askAgain = (shelves: Shelves, { activation, steps }: ActivationRow): void => {
  const ended = new Set(steps.map(({ step }) => step));
  for (const { step } of shelves.approvals.of(`activation ${activation}`))
    if (step !== undefined && !ended.has(step)) turn(shelves, { activation }, 'withdrawn', 'waiting', step);
};

export const approvalDecided: Fold = ({ approvals }, event) => {
  const { approval, decision, by, comment } = event.data as unknown as ApprovalDecided;
  const row = approvals.get(approval);
  if (row?.status !== 'waiting') return;
  approvals.change(row, (one) => {
    one.status = decision === 'approve' ? 'approve' : 'reject';
    one.decided = event.ts;
    one.by = by;
    if (comment !== undefined) one.comment = comment;
  });
};
