import type { CodeStep } from '../../core/handler.js';
import type { Call } from '../context.js';
import { completed, type Outcome } from '../scope.js';

/** What the function gives must be JSON: it is what a restart finds. */
export const runCode = async ({ context, step, frame }: Call<CodeStep>): Promise<Outcome> => {
  await context.gate(frame.stop);
  const value = await step.run({ ...frame.variables });
  const json = JSON.stringify(value ?? null);
  return completed(typeof value === 'string' ? value : json, JSON.parse(json));
};
