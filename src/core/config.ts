import { z } from 'zod';
import { DEDUPE_MS } from './dedupe.js';
import { formatDuration } from './duration.js';
import { healthSchema } from './health.js';
import { boundedDuration, durationSchema } from './schema-parts.js';
import { actionNameSchema, actionSchema } from './action.js';
import { alertSchema } from './alert.js';
import { webhookNameSchema, webhookSchema } from './webhook.js';

const agentSchema = z.strictObject({
  backend: z.string().optional(),
  /** The program and its first arguments, in place of the backend's own. */
  command: z.array(z.string()).min(1).optional(),
  /** What a `command` writes on stdout, where it is one of the known JSONL families. */
  speaks: z.enum(['claude', 'codex', 'gemini']).optional(),
  model: z.string().optional(),
  /** A file that is put before every prompt. */
  role: z.string().optional(),
  timeout: durationSchema.optional(),
  /** `ask`: a person allows each tool that changes something (`conductor approve`); only claude can, below a service. */
  tools: z.enum(['all', 'ask', 'read-only']).default('all'),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name of a variable'), z.string()).default({}),
  token_file: z.string().optional(),
  token: z
    .never(
      'a token never stands in the file: put it in a file of its own (chmod 600) and name it as token_file, or set the variable of the agent',
    )
    .optional(),
  /** Of a REST backend; or of the service that the CLI talks to. */
  base_url: z.url().optional(),
  /** It is one of these each time: in turn, or by their weights. One that keeps failing is left out for a while. */
  one_of: z
    .union([
      z.array(z.string()).min(1),
      z
        .record(z.string(), z.number().positive())
        .refine((weights) => Object.keys(weights).length > 0, 'name at least one agent'),
    ])
    .optional(),
  /** Tried in this order when the agent's quota is used up. */
  fallback: z.array(z.string()).default([]),
  sandbox: z.union([z.enum(['none', 'pidns', 'bwrap']), z.array(z.string()).min(1)]).optional(),
  /** Ended when it is silent for so long. */
  idle: durationSchema.optional(),
  max_turns: z.int().min(1).optional(),
  max_usd: z.number().positive().optional(),
  /** Read and written. */
  max_tokens: z.int().min(1).optional(),
  /** US dollars a million tokens, for agents that tell their tokens and not their cost, as codex and gemini. */
  price: z.strictObject({ input: z.number().min(0), output: z.number().min(0) }).optional(),
  /** Bytes of stdout and stderr. */
  max_output: z.int().min(1).optional(),
});
export type AgentSettings = z.output<typeof agentSchema>;

/** How the service is reached. The token is no part of it: that stands in the root. */
const serviceSchema = z.strictObject({
  /** Names beside loopback's own under which it may be called, as `conductor.example.org`. */
  allowed_hosts: z.array(z.string().min(1)).default([]),
  /** Addresses or networks whose `X-Forwarded-For` is believed, as `10.0.0.0/8`. */
  trusted_proxies: z.array(z.string().min(1)).default([]),
  /** Of one client, in the long run; ten seconds' worth may come at once. The root's own token has no limit. */
  requests_per_second: z
    .strictObject({
      /** Without a credential, as for the page itself. */
      anyone: z.number().positive().default(20),
      /** With a lent token, or by the page. */
      token: z.number().positive().default(500),
      /** With a run's own ticket. */
      run: z.number().positive().default(50),
    })
    .prefault({}),
});
export type RequestRates = z.output<typeof serviceSchema>['requests_per_second'];

const budgetSchema = z.strictObject({ usd: z.number().positive().optional(), tokens: z.int().min(1).optional() });

export const configSchema = z.strictObject({
  service: serviceSchema.prefault({}),
  agents: z.record(z.string(), agentSchema).default({}),
  defaults: z
    .strictObject({
      agent: z.string().optional(),
      timeout: durationSchema.default(300_000),
      max_concurrent: z.int().min(1).max(1_000).default(16),
      max_depth: z.int().min(1).max(16).default(16),
      durability: z.enum(['fsync', 'os']).default('fsync'),
    })
    .prefault({}),
  /** When the bus file is closed and a new one begun. */
  bus: z
    .strictObject({
      segment_bytes: z
        .int()
        .min(1_024)
        .default(32 * 1024 * 1024),
      segment_age: durationSchema.default(7 * 24 * 3_600_000),
      /** Closed files whose messages are all older are removed; missing: all are kept. */
      keep: durationSchema
        .refine((keep) => keep >= DEDUPE_MS, `at least ${formatDuration(DEDUPE_MS)}: so long a dedupe key counts`)
        .optional(),
      /** Lines and records that others write into the file are said once more by the service, so that rules hear of them. */
      accept_unsealed: z.boolean().default(false),
    })
    .prefault({}),
  watch: z
    .array(
      z.strictObject({
        paths: z
          .array(z.string().refine((path) => !path.startsWith('!'), 'what is left out stands under "ignore"'))
          .min(1),
        /** The last six: what editors put beside a file while it is open or saved. */
        ignore: z
          .array(z.string().refine((path) => !path.startsWith('!'), 'nothing is taken back of what is ignored'))
          .default(['node_modules', '.git', '*~', '*.swp', '*.swx', '.#*', '#*#', '4913']),
        debounce: durationSchema.default(500),
        type: z.string().default('FILE_CHANGED'),
      }),
    )
    .default([]),
  webhooks: z.record(webhookNameSchema, webhookSchema).default({}),
  timers: z
    .record(
      z.string(),
      z
        .strictObject({
          /** Each is a durable event: not oftener than a cron could. */
          every: boundedDuration(1_000, 366 * 86_400_000).optional(),
          /** Five fields, or six with seconds first. */
          cron: z.string().optional(),
          /** One moment, as 2027-01-31T12:00:00Z. */
          at: z.string().optional(),
          time_zone: z.string().optional(),
          /** What is said of slots that passed while nobody was there: nothing, the newest, or all. */
          missed: z.enum(['skip', 'once', 'all']).default('once'),
        })
        .refine(
          (timer) => [timer.every, timer.cron, timer.at].filter((one) => one !== undefined).length === 1,
          'a timer has one of "every", "cron" and "at"',
        ),
    )
    .default({ health: { every: 60_000, missed: 'skip' } }),
  repositories: z
    .record(
      z.string(),
      z.union([
        z.string().transform((path) => ({ path, test_command: undefined })),
        z.strictObject({ path: z.string(), test_command: z.string().optional() }),
      ]),
    )
    .default({}),
  deploy: z
    .strictObject({ command: z.string(), smoke_test: z.string().optional(), rollback: z.string().optional() })
    .optional(),
  /** What may be used up: by a run with all below it, by a task with all that its runs start, and in a day (UTC) by everything. */
  budgets: z
    .strictObject({ run: budgetSchema.prefault({}), task: budgetSchema.prefault({}), day: budgetSchema.prefault({}) })
    .prefault({}),
  alerts: z.array(alertSchema).default([]),
  health: healthSchema.prefault({}),
  /** What `notify` steps and alerts name: how people are told. */
  actions: z.record(actionNameSchema, actionSchema).default({}),
  rate_limits: z
    .strictObject({
      per_user: z
        .strictObject({ requests_per_hour: z.int().min(1).optional(), max_concurrent: z.int().min(1).optional() })
        .prefault({}),
      per_agent: z.strictObject({ requests_per_day: z.int().min(1).optional() }).prefault({}),
    })
    .prefault({}),
});
export type Config = z.output<typeof configSchema>;
