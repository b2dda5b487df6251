import type { ApprovalDecided, ApprovalRequested } from '../../core/approval.js';
import { ConductorError } from '../../core/errors.js';
import type { Event } from '../../core/event.js';
import { age } from '../ages.js';
import { printTable } from '../table.js';
import { clock } from '../system.js';
import { withLedger, type Opened } from '../with-ledger.js';
import { userName } from '../user-name.js';

export interface ApproveOptions {
  root: string;
  config?: string;
  reject?: boolean;
  comment?: string;
  json?: boolean;
}

interface Waiting extends ApprovalRequested {
  event: Event;
}

/** What waits for a person now, oldest first. */
const waiting = async ({ bus, ledger }: Opened): Promise<Waiting[]> => {
  const found = new Map<string, Waiting>();
  for await (const event of bus.read({ types: ['APPROVAL_REQUESTED', 'APPROVAL_DECIDED'] })) {
    if (!event.authentic) continue;
    const approval = String(event.data['approval']);
    if (event.type === 'APPROVAL_DECIDED') found.delete(approval);
    else found.set(approval, { ...(event.data as unknown as ApprovalRequested), event });
  }
  const isOpen = ({ activation, step, run_id }: Waiting): boolean =>
    activation === undefined || step === undefined
      ? run_id !== undefined && ledger.view.runs.has(run_id)
      : ledger.view.activations.get(activation)?.started.has(step) === true;
  return [...found.values()].filter(isOpen);
};

export const listApprovals = (options: ApproveOptions): Promise<void> =>
  withLedger(options, async (opened) => {
    const rows = (await waiting(opened)).map(({ event, ...one }) => ({
      approval: one.approval,
      question: one.question,
      task: `${event.project_id}/${event.task_id ?? ''}`,
      since: event.ts,
      ...(one.expires_at === undefined ? {} : { expires_at: one.expires_at }),
    }));
    printTable(
      rows,
      [
        { title: 'task', of: (row) => row.task },
        { title: 'age', of: (row) => age(row.since, clock.now()) },
        { title: 'question', of: (row) => row.question },
        { title: 'approval', of: (row) => row.approval },
      ],
      { json: options.json, name: 'approvals' },
    );
  });

/** By its own name, its task or its activation, where only one waits there. */
const find = (all: readonly Waiting[], named: string): Waiting => {
  const exact = all.find(({ approval }) => approval === named);
  if (exact) return exact;
  const fitting = all.filter(
    ({ activation, event }) =>
      activation === named || event.task_id === named || `${event.project_id}/${event.task_id ?? ''}` === named,
  );
  if (fitting.length === 1) return fitting[0]!;
  if (fitting.length === 0) throw new ConductorError('not_found', `nothing called ${named} waits for a person`);
  throw new ConductorError(
    'conflict',
    `several wait in ${named}: ${fitting.map(({ approval }) => approval).join(', ')}`,
  );
};

export const decideApproval = (named: string, options: ApproveOptions): Promise<void> =>
  withLedger(options, async (opened) => {
    const { approval, question, event } = find(await waiting(opened), named);
    const decision = options.reject ? 'reject' : 'approve';
    const data: ApprovalDecided = {
      approval,
      decision,
      by: `cli:${userName()}`,
      ...(options.comment === undefined ? {} : { comment: options.comment }),
    };
    await opened.ledger.record([
      {
        type: 'APPROVAL_DECIDED',
        source: 'cli',
        project_id: event.project_id,
        ...(event.task_id === undefined ? {} : { task_id: event.task_id }),
        parents: [{ msg_id: event.msg_id, kind: 'answers' }],
        data: { ...data },
        body: `${decision}: ${question}${options.comment === undefined ? '' : `\n${options.comment}`}`,
      },
    ]);
    process.stdout.write(`${approval}: ${decision}\n`);
  });
