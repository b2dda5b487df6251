import type { ApprovalDecided } from '../core/approval.js';
import { ConductorError } from '../core/errors.js';
import type { ApiOptions } from './doors.js';
import type { ApprovalRow } from './lists/rows.js';

/** Says what a person decided. Resolves with the approval as it is then. */
export const decide = async (
  { lists, ledger }: Pick<ApiOptions, 'lists' | 'ledger'>,
  { approval, decision, comment }: { approval: string; decision: 'approve' | 'reject'; comment?: string | undefined },
  by: string,
): Promise<ApprovalRow> => {
  const row = lists.approvals.get(approval);
  if (!row) throw new ConductorError('not_found', `nothing called ${approval} waits for a person`);
  if (row.status === 'withdrawn') throw new ConductorError('conflict', `nobody waits for ${approval} any more`);
  if (row.status !== 'waiting')
    throw new ConductorError('conflict', `${approval} was decided: ${row.status}, by ${row.by ?? 'somebody'}`);
  const { project_id, task_id, run_id } = row;
  const data: ApprovalDecided = {
    approval,
    decision,
    by,
    ...(comment === undefined ? {} : { comment }),
  };
  const [receipt] = await ledger.record([
    {
      project_id,
      ...(task_id === undefined ? {} : { task_id }),
      ...(run_id === undefined ? {} : { run_id }),
      type: 'APPROVAL_DECIDED',
      source: by,
      parents: [{ msg_id: row.msg_id, kind: 'answers' }],
      data: { ...data },
      body: `${decision}: ${row.question}${comment === undefined ? '' : `\n${comment}`}`,
    },
  ]);
  if (receipt) await lists.until(receipt.msg_id);
  return row;
};
