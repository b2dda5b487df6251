import { z } from 'zod';

/** What the lists know of a run, from the bus alone. */
export const runRow = z.strictObject({
  run_id: z.string(),
  project_id: z.string(),
  task_id: z.string(),
  agent: z.string(),
  status: z.enum(['running', 'completed', 'failed']),
  attempt: z.int(),
  depth: z.int(),
  cwd: z.string(),
  start_time: z.string(),
  end_time: z.string().optional(),
  duration_ms: z.number().optional(),
  /** 0 success, 1 retriable, 2 permanent, 3 configuration. */
  exit: z.int().optional(),
  exit_code: z.int().optional(),
  class: z.string().optional(),
  reason: z.string().optional(),
  error: z.string().optional(),
  cost_usd: z.number().optional(),
  parent_run_id: z.string().optional(),
  activation: z.string().optional(),
  step: z.string().optional(),
  /** Its RUN_START. */
  msg_id: z.string(),
});
export type RunRow = z.infer<typeof runRow>;

export const taskRow = z.strictObject({
  project_id: z.string(),
  task_id: z.string(),
  status: z.enum(['pending', 'running', 'completed', 'failed', 'stopped']),
  runs: z.int(),
  running: z.int(),
  latest_run_id: z.string().optional(),
  activation: z.string().optional(),
  created: z.string(),
  last_activity: z.string(),
  /** The message it began with. */
  msg_id: z.string(),
});
export type TaskRow = z.infer<typeof taskRow>;

const stepRow = z.strictObject({
  step: z.string(),
  status: z.string(),
  attempts: z.int(),
  exit: z.int().optional(),
  run_id: z.string().optional(),
  error: z.string().optional(),
});

export const activationRow = z.strictObject({
  activation: z.string(),
  rule: z.string(),
  event: z.string(),
  handler: z.string(),
  project_id: z.string(),
  task_id: z.string(),
  depth: z.int(),
  trust: z.enum(['full', 'outside']),
  root: z.string(),
  status: z.enum(['open', 'completed', 'failed', 'cancelled']),
  opened: z.string(),
  closed: z.string().optional(),
  exit: z.int().optional(),
  error: z.string().optional(),
  steps: z.array(stepRow),
  msg_id: z.string(),
});
export type ActivationRow = z.infer<typeof activationRow>;

export const APPROVAL_STATUS = ['waiting', 'approve', 'reject', 'withdrawn'] as const;

export const approvalRow = z.strictObject({
  approval: z.string(),
  question: z.string(),
  /** `withdrawn`: nobody waits for the answer any more. */
  status: z.enum(APPROVAL_STATUS),
  project_id: z.string(),
  task_id: z.string().optional(),
  run_id: z.string().optional(),
  activation: z.string().optional(),
  step: z.string().optional(),
  default: z.enum(['approve', 'reject']).optional(),
  expires_at: z.string().optional(),
  asked: z.string(),
  decided: z.string().optional(),
  by: z.string().optional(),
  comment: z.string().optional(),
  msg_id: z.string(),
});
export type ApprovalRow = z.infer<typeof approvalRow>;

/** An event that a rule could not decide. */
export const ruleErrorRow = z.strictObject({
  rule: z.string(),
  event: z.string(),
  error: z.string(),
  ts: z.string(),
  msg_id: z.string(),
});
export type RuleErrorRow = z.infer<typeof ruleErrorRow>;
