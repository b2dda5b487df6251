import { z } from 'zod';
import { draftSchema, idSchema } from '../../core/event.js';

const seconds = (most: number, usual: number) => z.number().min(0).max(most).default(usual);

/** What an agent may do without a shell: names, words for the model, and shapes. */
export const TOOLS = {
  post_message: {
    description:
      'Say something on the message bus, for people and for rules. The type is UPPER_SNAKE, as FACT, PROGRESS, DECISION, ERROR or an event such as TEST_FAILED. Returns its msg_id.',
    input: z.strictObject({
      type: draftSchema.shape.type.default('INFO'),
      body: z.string().max(100_000).optional().describe('Text for people, Markdown.'),
      data: z.record(z.string(), z.unknown()).optional().describe('Structured payload for rules.'),
    }),
  },
  read_messages: {
    description: 'Read the message bus: the newest messages, or those after a msg_id. Oldest first.',
    input: z.strictObject({
      since_id: z.string().max(200).optional().describe('Only what came after this msg_id.'),
      type: z.array(z.string().max(64)).max(50).optional().describe('Only these types.'),
      task_id: idSchema.optional(),
      run_id: z.string().max(128).optional(),
      limit: z.int().min(1).max(200).default(20),
    }),
  },
  spawn_run: {
    description:
      'Start another agent on a task of its own. Returns its task_id at once; use wait_runs for the result. Refused where the chain of runs is too deep or too long.',
    input: z.strictObject({
      prompt: z.string().min(1).max(500_000),
      agent: z
        .string()
        .max(200)
        .optional()
        .describe('claude, codex, gemini, shell or a configured name; default: as you.'),
      task_id: idSchema.optional().describe('Default: a new one.'),
      cwd: z.string().startsWith('/').max(4_096).optional().describe('Default: where you work.'),
      timeout_seconds: z.number().positive().max(86_400).default(300),
    }),
  },
  wait_runs: {
    description:
      'Wait until tasks that were spawned have ended, or the time is over. Returns the status and output of each.',
    input: z.strictObject({ task_ids: z.array(idSchema).min(1).max(64), timeout_seconds: seconds(600, 50) }),
  },
  report_done: {
    description:
      'Say that your task is done, with a summary of what was done. Nothing ends by itself: stop working afterwards.',
    input: z.strictObject({
      summary: z.string().min(1).max(100_000),
      ok: z.boolean().default(true).describe('False: it could not be done.'),
    }),
  },
  ask_human: {
    description:
      'Ask a person something, and wait for the answer. When nobody answered in time the result says "waiting": call again with the approval it names, to go on waiting.',
    input: z
      .strictObject({
        question: z.string().min(1).max(10_000).optional(),
        approval: z.string().max(600).optional().describe('Of a question that was asked before.'),
        timeout_seconds: seconds(600, 50),
      })
      .refine((given) => (given.question === undefined) !== (given.approval === undefined), {
        message: 'either a question or the approval of one',
      }),
  },
  approve: {
    description: 'For a permission prompt: a person allows or denies the use of a tool.',
    input: z.strictObject({
      tool_name: z.string().max(200),
      input: z.record(z.string(), z.unknown()),
      tool_use_id: z.string().max(200).optional(),
      timeout_seconds: seconds(600, 300),
    }),
  },
} as const satisfies Record<string, { description: string; input: z.ZodType }>;

export type ToolName = keyof typeof TOOLS;
export type ToolInput<Name extends ToolName> = z.output<(typeof TOOLS)[Name]['input']>;
export const TOOL_NAMES = Object.keys(TOOLS) as ToolName[];
