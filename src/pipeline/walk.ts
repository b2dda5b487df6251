import type { Draft, Event } from '../core/event.js';
import type { Handler, Step } from '../core/handler.js';
import type { Activation } from '../core/ledger-view.js';
import { markerOf } from '../core/marker.js';
import type { Handlers } from '../core/ports.js';
import type { Chains } from './chains.js';
import { Checkpoint } from './checkpoint.js';
import type { Context, Frame, PipelinePorts } from './context.js';
import { factOf } from '../core/activation-facts.js';
import { Journal } from './journal.js';
import { Rest, type Resting } from './rest.js';
import { runAll, runStep } from './run-step.js';
import type { Outcome } from './scope.js';
import type { StepCache } from './step-cache.js';
import { Interrupted, type Stop } from './stop.js';
import type { Wakes } from './wakes.js';

export interface Carrying {
  ports: PipelinePorts & { handlers: Handlers };
  wakes: Wakes;
  chains: Chains;
  cache: StepCache;
  drain: Stop;
}

/** One walk along the tree of an activation, from its beginning to its end, or to where everything only waits. */
export class Walk implements Context {
  readonly id: string;
  readonly journal: Journal;
  readonly rest: Rest;
  checkpoint: Checkpoint | undefined;
  readonly #activation: Activation;
  readonly #carrying: Carrying;
  readonly #asleep: Stop;
  #waits: readonly Resting[] = [];

  constructor(
    carrying: Carrying,
    activation: Activation,
    stop: Stop,
    /** What it answers. */
    readonly event: Event,
    begun: () => void,
  ) {
    this.id = activation.activation;
    this.#activation = activation;
    this.#carrying = carrying;
    this.journal = new Journal(carrying.ports.ledger, begun);
    this.#asleep = stop.child();
    this.rest = new Rest(carrying.ports.clock, (waits) => {
      this.#waits = waits;
      this.#asleep.say('it waits');
    });
  }

  get ports(): Carrying['ports'] {
    return this.#carrying.ports;
  }
  get handlers(): Handlers {
    return this.ports.handlers;
  }
  get activation(): Activation {
    return this.ports.ledger.view.activations.get(this.id) ?? this.#activation;
  }
  get cache(): StepCache {
    return this.#carrying.cache;
  }
  get wakes(): Wakes {
    return this.#carrying.wakes;
  }
  get chains(): Chains {
    return this.#carrying.chains;
  }
  get drain(): Stop {
    return this.#carrying.drain;
  }

  /** What may end its waits, when the error is that it only waits. Nothing: it is to be walked again at once. */
  waitsAfter(error: unknown): readonly Resting[] | undefined {
    if (!(error instanceof Interrupted) || error.by !== this.#asleep) return undefined;
    return this.rest.moved ? [] : this.#waits;
  }

  async gate(below: Stop): Promise<void> {
    below.check();
    this.drain.check();
    const { ledger } = this.ports;
    if (!ledger.view.paused) return;
    const unpaused = (): true | undefined => (ledger.view.paused ? undefined : true);
    await this.wakes.wait(['CONDUCTOR_UNPAUSED'], unpaused, undefined, [below, this.drain]);
  }

  fact(type: string, data: Record<string, unknown>, body: string): Draft {
    return factOf(this.#activation, type, data, body);
  }

  progress(path: string, outcome: Outcome): void {
    if (outcome.status !== 'failed') this.checkpoint?.finished(path);
  }

  run(step: Step, path: string, frame: Frame): Promise<Outcome> {
    return runStep(this, step, path, frame);
  }

  runAll(steps: readonly Step[], prefix: string, frame: Frame): Promise<Outcome> {
    return runAll(this, steps, prefix, frame);
  }

  /** From the first step on; what has finished is looked up. */
  whole(handler: Handler): Promise<Outcome> {
    const { project_id, task_id, with: given, folded, event } = this.#activation;
    const folder = this.ports.runs.folder({ project_id, task_id });
    this.checkpoint = new Checkpoint(folder, this.#activation, handler, () => this.ports.clock.now());
    return this.runAll(handler.steps, '', {
      variables: {
        event: this.event,
        steps: {},
        with: given ?? {},
        folded: folded ?? { count: 1, events: [event] },
        task: { project_id, task_id, folder, artifacts: `${folder}/artifacts`, marker: markerOf(this.id) },
      },
      stop: this.#asleep,
      replay: false,
      calls: [handler.name],
      handler,
    });
  }

  close(): void {
    this.#asleep.close();
  }
}
