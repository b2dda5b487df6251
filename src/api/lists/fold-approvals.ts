import type { ApprovalDecided, ApprovalRequested } from '../../core/approval.js';
import type { Fold } from './shelves.js';

export const approvalRequested: Fold = ({ approvals }, event) => {
  const asked = event.data as unknown as ApprovalRequested;
  if (approvals.get(asked.approval)) return;
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
