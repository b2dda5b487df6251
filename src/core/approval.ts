/** What a person is asked, and what they said: APPROVAL_REQUESTED and APPROVAL_DECIDED on the bus. */

/** Data of APPROVAL_REQUESTED: by a handler that waits, or by a run that asks. */
export interface ApprovalRequested {
  /** `<activation>/<step>` of a handler's step, `<run_id>/<n>` of a run's question: what a decision names. */
  approval: string;
  question: string;
  activation?: string;
  step?: string;
  run_id?: string;
  /** What counts when nobody answers in time. */
  default?: 'approve' | 'reject';
  /** RFC 3339; none: it waits for ever. */
  expires_at?: string;
}

/** Data of APPROVAL_DECIDED. The first decision of an approval counts. */
export interface ApprovalDecided {
  approval: string;
  decision: 'approve' | 'reject';
  /** Who decided, as `api:token`, `cli`, `timeout`. */
  by: string;
  /** A person's words: the answer to a question, or why not. */
  comment?: string;
}
