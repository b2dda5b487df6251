import { isAbsolute, join } from 'node:path';
import { glob } from 'tinyglobby';
import { ConductorError } from '../../core/errors.js';
import type { MapStep } from '../../core/handler.js';
import { evaluate } from '../condition.js';
import type { Call } from '../context.js';
import { inLane } from '../isolated.js';
import { grouped, sideBySide } from '../group-result.js';
import { folderOf } from '../invocation.js';
import { inLanes } from '../lanes.js';
import { completed, forTemplate, inner, visible, type Outcome } from '../scope.js';
import { render, renderDeep } from '../template.js';

const ITEMS_MAX = 10_000;

const find = async ({ context, step, frame }: Call<MapStep>): Promise<unknown[]> => {
  const { items } = step;
  const nonce = context.ports.nonce();
  if ('list' in items) return renderDeep(items.list, forTemplate(frame.variables), nonce) as unknown[];
  if ('from' in items) {
    const value = evaluate(items.from, frame.variables);
    if (!Array.isArray(value)) throw new ConductorError('bad_request', `"${items.from}" gave no list`);
    return value as unknown[];
  }
  const base = folderOf(context, frame);
  const put = (template: string): string => render(template, forTemplate(frame.variables), nonce);
  const wanted = items.cwd === undefined ? base : put(items.cwd);
  const cwd = isAbsolute(wanted) ? wanted : join(base, wanted);
  return (await glob(items.glob.map(put), { cwd, dot: false, expandDirectories: false })).sort();
};

/** What it goes over is durable before the first item begins: files and answers may be others after a restart. */
const itemsOf = async (call: Call<MapStep>): Promise<readonly unknown[]> => {
  const { context, path } = call;
  const before = context.activation.started.get(path);
  if (before?.items) return before.items;
  if (call.frame.replay) return [];
  const items = await find(call);
  if (items.length > ITEMS_MAX)
    throw new ConductorError('bad_request', `${items.length} items; a map goes over ${ITEMS_MAX} at most`);
  context.journal.defer(
    context.fact(
      'STEP_STARTED',
      { activation: context.id, step: path, kind: 'items', items },
      `step ${path} goes over ${items.length} items`,
    ),
  );
  return items;
};

export const runMap = async (call: Call<MapStep>): Promise<Outcome> => {
  const { context, step, path, frame } = call;
  const items = await itemsOf(call);
  const results = await inLanes(
    items.length,
    step.max_concurrent,
    { stop: frame.stop, rest: context.rest },
    (index, stop) => {
      const variables = inner(frame.variables, { item: items[index], index });
      const lane = `${path}[${index}]`;
      return inLane(context, { ...frame, stop, variables }, lane, (own) => context.runAll(step.steps, `${lane}.`, own));
    },
    (outcome) => step.fail_fast && outcome.status === 'failed',
  );
  const failed = results.filter((outcome) => outcome?.status !== 'completed' && outcome?.status !== 'skipped');
  const given = results.map((outcome, index) => ({
    item: items[index],
    index,
    ...visible(outcome ?? { status: 'failed', attempts: 0, output: '', exit: 1, error: 'it was stopped' }),
  }));
  const names = items.map((item, index) => (typeof item === 'string' ? item : String(index)));
  const outcome: Outcome = completed(
    sideBySide(results.map((one, index) => ({ name: names[index]!, output: one?.output ?? '' }))),
    { items: given, count: items.length, failed: failed.length },
  );
  const needed = step.at_least ?? items.length;
  const first = failed.find((one) => one !== undefined);
  const failure: Partial<Outcome> =
    items.length - failed.length >= needed
      ? {}
      : {
          status: 'failed',
          exit: first?.exit ?? 1,
          ...(first?.class ? { class: first.class } : {}),
          error: `${failed.length} of ${items.length} items failed: ${first ? `${names[results.indexOf(first)]}: ${first.error ?? ''}` : 'they were stopped'}`,
        };
  return grouped(step.result, { ...outcome, ...failure }, frame, context.ports.nonce());
};
