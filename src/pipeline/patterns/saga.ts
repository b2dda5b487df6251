import { z } from 'zod';
import type { Retry, Step } from '../../core/handler.js';
import { common, commonOf } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { idsOf, scoped, work, workerSchema, type Worker } from './worker.js';

/** A compensation must come through: so it is tried again, whatever its failure is. */
const RETRY: Retry = { attempts: 5, base: 1_000, cap: 30_000, on: ['transient', 'permanent'] };

const shape = (step: Parameters<Pattern['schema']>[0]) =>
  z.strictObject({
    /** Does what is told in words. */
    agent: z.string().min(1).optional(),
    transactions: z
      .array(
        z.strictObject({
          id: z
            .string()
            .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/)
            .optional(),
          action: workerSchema(step),
          compensate: workerSchema(step).optional(),
        }),
      )
      .min(1),
  });

/** Words are a prompt for the saga's agent. */
const part = (agent: string | undefined, given: Worker, id: string, verb: string): Step =>
  typeof given === 'string'
    ? work(agent ?? '', { id, prompt: `${verb}: ${given}\n\nWhy:\n{{ event.body | fence }}` })
    : { ...given, id };

/** Each transaction with its compensation: when one fails, those before it are taken back, the last one first. */
export const saga = {
  keys: ['saga'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        saga: z
          .union([
            shape(step),
            shape(step).shape.transactions.transform((transactions) => ({ transactions, agent: undefined })),
          ])
          .refine(
            ({ agent, transactions }) =>
              agent !== undefined ||
              transactions.every(
                ({ action, compensate }) => typeof action !== 'string' && typeof compensate !== 'string',
              ),
            'an action in words needs an "agent" of the saga',
          ),
      })
      .transform(({ saga: { agent, transactions }, ...one }): Step => {
        const ids = idsOf(transactions.map(({ id }, index) => id ?? `transaction_${index + 1}`));
        const from = (index: number): Step[] => {
          const given = transactions[index];
          if (!given) return [];
          const action = part(agent, given.action, ids[index]!, 'Execute transaction');
          const rest = from(index + 1);
          if (given.compensate === undefined || rest.length === 0) return [action, ...rest];
          const compensation = part(agent, given.compensate, `undo_${ids[index]!}`, 'Compensate');
          return [
            action,
            {
              kind: 'attempt',
              id: `after_${ids[index]!}`,
              on_error: 'fail',
              try: rest,
              compensate: [{ ...compensation, retry: compensation.retry ?? RETRY }],
            },
          ];
        };
        return scoped(commonOf(one), from(0));
      }),
} satisfies Pattern;
