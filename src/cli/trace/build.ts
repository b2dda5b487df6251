import { causeOf, isBelieved, type Event } from '../../core/event.js';
import { isReserved } from '../../core/event-type.js';
import type { Routed, RunStarted, StepResult } from '../../core/ledger-view.js';
import { Makers } from './makers.js';
import type { TraceNode } from './node.js';

const since = (from: string, to: string): number => Math.max(0, Date.parse(to) - Date.parse(from));
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** A step that was not through when its handler ended came to the same end. */
const endSteps = ({ children }: TraceNode, status: string): void => {
  for (const child of children) {
    if (child.kind === 'step' && child.status === 'running') child.status = status;
    if (child.kind === 'step') endSteps(child, status);
  }
};

/** Grows the tree below one event from what the bus says afterwards, in bus order. */
export class TraceBuilder {
  readonly #nodes = new Map<string, TraceNode>();
  readonly #makers = new Makers();
  readonly #rootId: string;
  #root: TraceNode | undefined;

  constructor(rootId: string) {
    this.#rootId = rootId;
  }

  get root(): TraceNode | undefined {
    return this.#root;
  }

  take(event: Event): void {
    if (!isBelieved(event) && event.msg_id !== this.#rootId) return;
    this.#makers.take(event);
    switch (event.type) {
      case 'ROUTED':
        return this.#routed(event, event.data as unknown as Routed);
      case 'STEP_STARTED':
        return void this.#step(String(event.data['activation']), String(event.data['step']), event.ts);
      case 'STEP_FINISHED':
        return this.#stepFinished(event, event.data as unknown as StepResult);
      case 'RUN_START':
        return this.#runStarted(event, event.data as unknown as RunStarted);
      case 'RUN_STOP':
        return this.#runStopped(event);
      default:
        if (event.type.startsWith('HANDLER_') && 'activation' in event.data) return this.#handler(event);
        return this.#event(event);
    }
  }

  #add(parent: TraceNode | undefined, key: string, node: Omit<TraceNode, 'children'>): TraceNode {
    const known = this.#nodes.get(key);
    if (known) return known;
    const added = { ...node, children: [] };
    this.#nodes.set(key, added);
    parent?.children.push(added);
    return added;
  }

  #event(event: Event): void {
    const { msg_id, ts, type, source } = event;
    const parent = this.#parentOf(event);
    if (!parent && msg_id !== this.#rootId) return;
    const node = this.#add(parent, msg_id, {
      kind: isReserved(type) && msg_id !== this.#rootId ? 'note' : 'event',
      id: msg_id,
      label: `${type} ${msg_id}`,
      ts,
      detail: `from ${source}`,
    });
    if (msg_id === this.#rootId) this.#root = node;
    if (type === 'TASK_REQUESTED')
      this.#add(node, `task/${msg_id}`, {
        kind: 'activation',
        id: `task/${msg_id}`,
        label: `task ${event.task_id}`,
        ts,
      });
  }

  /** What said it: a step that emits, a run, an activation, or the event that caused it. */
  #parentOf(event: Event): TraceNode | undefined {
    const emitted = event.dedupe_key?.startsWith('emit:') ? event.dedupe_key.slice('emit:'.length) : undefined;
    if (emitted !== undefined)
      for (let at = emitted.lastIndexOf('/'); at > 0; at = emitted.lastIndexOf('/', at - 1)) {
        const activation = this.#nodes.get(emitted.slice(0, at));
        if (activation) return activation;
      }
    const activation = text(event.data['activation']);
    return (
      (event.run_id === undefined ? undefined : this.#nodes.get(event.run_id)) ??
      (activation === undefined ? undefined : this.#nodes.get(activation)) ??
      this.#nodes.get(causeOf(event) ?? event.parents.find(({ kind }) => kind === 'about')?.msg_id ?? '') ??
      this.#nodes.get(this.#makers.of(event) ?? '')
    );
  }

  #routed(event: Event, routed: Routed): void {
    const decision = (of: string, rule: string, status: string, detail: string): void => {
      const node = this.#nodes.get(of);
      if (node)
        this.#add(node, `${event.msg_id}/${rule}/${of}`, {
          kind: 'decision',
          id: rule,
          label: `rule ${rule}`,
          ts: event.ts,
          status,
          detail,
        });
    };
    for (const fired of routed.fired) {
      const events = [...(fired.folded?.events ?? []), fired.event];
      const parent = events.map((id) => this.#nodes.get(id)).find((node) => node !== undefined);
      if (!parent) continue;
      this.#add(parent, fired.activation, {
        kind: 'activation',
        id: fired.activation,
        label: `${fired.rule} → ${fired.handler}`,
        ts: event.ts,
        status: 'open',
        detail: `(task ${fired.project_id}/${fired.task_id}${fired.folded ? `, ${fired.folded.count} events together` : ''})`,
      });
    }
    for (const { event: of, rule, stage, detail } of routed.held ?? []) decision(of, rule, `held by ${stage}`, detail);
    for (const { event: of, rule, reason, detail } of routed.suppressed)
      decision(of, rule, `suppressed: ${reason}`, detail);
    for (const { event: of, rule, message } of routed.errors) decision(of, rule, 'error', message);
  }

  #handler(event: Event): void {
    const node = this.#nodes.get(String(event.data['activation']));
    if (!node) return;
    if (event.type !== 'HANDLER_FINISHED') {
      node.status = event.type.slice('HANDLER_'.length).toLowerCase();
      return;
    }
    node.status = text(event.data['status']) ?? 'finished';
    endSteps(node, node.status);
    node.took = since(node.ts, event.ts);
    const error = text(event.data['error']);
    if (error !== undefined) node.detail = `${node.detail ?? ''} ${error}`.trim();
  }

  #step(activation: string, step: string, ts: string): TraceNode | undefined {
    const parent = this.#nodes.get(activation);
    return (
      parent &&
      this.#add(parent, `${activation}\n${step}`, {
        kind: 'step',
        id: step,
        label: `step ${step}`,
        ts,
        status: 'running',
      })
    );
  }

  #stepFinished(event: Event, result: StepResult): void {
    const node = this.#step(result.activation, result.step, event.ts);
    if (!node) return;
    node.status = result.status;
    if (node.ts !== event.ts) node.took = since(node.ts, event.ts);
    if (result.error !== undefined) node.detail = result.error;
  }

  #runStarted(event: Event, run: RunStarted): void {
    const parent =
      run.activation !== undefined && run.step !== undefined
        ? this.#step(run.activation, run.step, event.ts)
        : this.#nodes.get(run.parent_run_id ?? '');
    if (!parent) return;
    const attempt = run.attempt > 1 ? ` (attempt ${run.attempt})` : '';
    this.#add(parent, run.run_id, {
      kind: 'run',
      id: run.run_id,
      label: `run ${run.run_id} ${run.agent}${attempt}`,
      ts: event.ts,
      status: 'running',
    });
  }

  #runStopped(event: Event): void {
    const node = this.#nodes.get(String(event.data['run_id']));
    if (!node) return;
    node.status = text(event.data['status']) ?? 'ended';
    node.took = since(node.ts, event.ts);
    const cost = event.data['cost_usd'];
    const reason = text(event.data['reason']);
    const { commits } = event.data;
    const made = Array.isArray(commits) ? commits.map((commit) => String(commit).slice(0, 12)) : [];
    const more = made.length > 3 ? ` and ${made.length - 3} more` : '';
    const parts = [
      typeof cost === 'number' ? `$${cost.toFixed(4)}` : undefined,
      made.length === 0 ? undefined : `commits ${made.slice(0, 3).join(' ')}${more}`,
      reason,
    ];
    const detail = parts.filter((part) => part !== undefined).join('  ');
    if (detail !== '') node.detail = detail;
  }
}

/** The event from which the chain of this one began, as far as the bus tells. */
export const rootOf = async (msg_id: string, events: AsyncIterable<Event>): Promise<string | undefined> => {
  const causes = new Map<string, string>();
  const makers = new Makers();
  let found = false;
  for await (const event of events) {
    makers.take(event);
    const cause = causeOf(event) ?? makers.causeOf(event);
    if (cause !== undefined) causes.set(event.msg_id, cause);
    if (event.msg_id !== msg_id) continue;
    found = true;
    break;
  }
  if (!found) return undefined;
  let root = msg_id;
  for (let cause = causes.get(root); cause !== undefined && cause !== root; cause = causes.get(root)) root = cause;
  return root;
};
