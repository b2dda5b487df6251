import { Worker, type ResourceLimits, type Transferable } from 'node:worker_threads';
import { Observable, type Subscriber } from 'rxjs';

export interface AsideOptions {
  /** Built file of the thread. It says `ready`, takes orders, and answers each with as many objects as it likes and `done`. */
  file: string;
  /** Ms from one answer to the next in any case; the wait for the order before, and for the thread to begin, count. */
  most_ms: number;
  /** Ms of the processor from one answer to the next, so that a busy machine ends no good order. */
  processor_ms?: number;
  /** So long a thread without an order is kept. */
  idle_ms?: number;
  resourceLimits?: ResourceLimits;
}

/** Work beside the main loop, one order after the other. */
export interface Aside<Order, Answer extends object> {
  /**
   * Cold. The answers, until the order is done. Fails with `TookTooLong`, or with what ended the thread. Unsubscribing ends
   * the thread, too, where it is at work on this order.
   */
  ask(order: Order, transfer?: readonly Transferable[]): Observable<Answer>;
  /** Whoever waits is told the reason. */
  close(reason: Error): void;
}

export class TookTooLong extends Error {}

/** What this process and its main loop had done by now. */
const begin = () => ({ usage: process.cpuUsage(), loop: performance.eventLoopUtilization() });

/** Ms of the processor that the thread can have used since: all of the process but what the main loop was at work itself. */
const usedSince = ({ usage, loop }: ReturnType<typeof begin>): number => {
  const { user, system } = process.cpuUsage(usage);
  return (user + system) / 1_000 - performance.eventLoopUtilization(loop).active;
};

interface Job<Order, Answer> {
  order: Order;
  transfer: readonly Transferable[];
  subscriber: Subscriber<Answer>;
  /** Of the last answer, else of the order. */
  at: number;
  began?: ReturnType<typeof begin>;
  timer?: NodeJS.Timeout;
}

/** The thread begins with the first order. */
export const openAside = <Order, Answer extends object>({
  file,
  most_ms,
  processor_ms = Infinity,
  idle_ms = 0,
  resourceLimits,
}: AsideOptions): Aside<Order, Answer> => {
  const waiting = new Set<Job<Order, Answer>>();
  let current: Job<Order, Answer> | undefined;
  let thread: Worker | undefined;
  let isReady = false;
  let isEnding = false;
  let idle: NodeJS.Timeout | undefined;

  const end = (): void => {
    if (thread === undefined) return;
    clearTimeout(idle);
    isEnding = true;
    void thread.terminate();
  };

  const watch = (job: Job<Order, Answer>): void => {
    clearTimeout(job.timer);
    const used = job.began === undefined ? 0 : usedSince(job.began);
    const left = Math.min(most_ms - (performance.now() - job.at), processor_ms - used);
    if (left > 0) job.timer = setTimeout(watch, left, job);
    else job.subscriber.error(new TookTooLong('it took too long'));
  };

  const give = (): void => {
    if (current === undefined || !isReady) return;
    current.began = begin();
    thread?.postMessage(current.order, current.transfer);
    watch(current);
  };

  const next = (): void => {
    if (current !== undefined || isEnding) return;
    const [job] = waiting;
    if (job === undefined) {
      // Nothing stays for its sake.
      thread?.unref();
      if (idle_ms === 0) end();
      else idle = setTimeout(end, idle_ms).unref();
      return;
    }
    waiting.delete(job);
    current = job;
    clearTimeout(idle);
    if (thread === undefined) open();
    else thread.ref();
    give();
  };

  const hear = (said: 'ready' | 'done' | Answer): void => {
    if (isEnding) return;
    if (said === 'ready') {
      isReady = true;
      give();
    } else if (current !== undefined && said === 'done') {
      const { subscriber } = current;
      current = undefined;
      subscriber.complete();
      next();
    } else if (current !== undefined) {
      Object.assign(current, { at: performance.now(), began: begin() });
      watch(current);
      current.subscriber.next(said as Answer);
    }
  };

  const open = (): void => {
    let fault = new Error('the thread has ended');
    thread = new Worker(file, resourceLimits === undefined ? {} : { resourceLimits });
    thread.on('message', hear);
    thread.on('error', (error) => (fault = error));
    thread.on('exit', () => {
      thread = undefined;
      isReady = isEnding = false;
      const lost = current;
      current = undefined;
      lost?.subscriber.error(fault);
      next();
    });
  };

  return {
    ask: (order, transfer = []) =>
      new Observable<Answer>((subscriber) => {
        const job: Job<Order, Answer> = { order, transfer, subscriber, at: performance.now() };
        waiting.add(job);
        watch(job);
        next();
        return () => {
          clearTimeout(job.timer);
          waiting.delete(job);
          if (current !== job) return;
          // What cannot be interrupted goes on to its end, and those who wait with it: there is one thread at a time.
          current = undefined;
          end();
        };
      }),
    close(reason) {
      for (const { subscriber } of waiting) subscriber.error(reason);
      current?.subscriber.error(reason);
      end();
    },
  };
};
