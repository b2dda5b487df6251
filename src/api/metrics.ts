import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Middleware } from 'koa';
import type { Lists } from './lists/lists.js';
import type { Ledger } from '../core/ports.js';

interface Labels {
  method: string;
  route: string;
  status: number;
}

export interface Metrics {
  /** Text of Prometheus, and its media type. */
  text(): Promise<string>;
  readonly media: string;
  /** Counts and times each request by its route, never by its path: a path holds ids without end. */
  count: Middleware;
  /** The same for what is answered without Koa. */
  observe(method: string, route: string, status: number, took_ms: number): void;
  /** A delivery of this webhook to which nothing here answers. The name must be one of the configuration. */
  ignored(webhook: string): void;
}

export const createMetrics = ({
  lists,
  ledger,
  watchers,
}: {
  lists: Pick<Lists, 'counts' | 'runs' | 'tasks' | 'approvals'>;
  ledger: Pick<Ledger, 'view'>;
  watchers: () => number;
}): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  /** By method, route and status, of which there are few: looking up the labels costs more than the counting. */
  const counted = new Map<string, { labels: Labels; count: number; time: Histogram.Internal<'route'> }>();
  new Counter({
    name: 'conductor_http_requests_total',
    help: 'Requests by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    registers,
    collect() {
      for (const found of counted.values()) {
        this.inc(found.labels, found.count);
        found.count = 0;
      }
    },
  });
  const seconds = new Histogram({
    name: 'conductor_http_request_duration_seconds',
    help: 'Time to answer, by route.',
    labelNames: ['route'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10],
    registers,
  });
  const ignored = new Counter({
    name: 'conductor_webhook_deliveries_ignored_total',
    help: 'Signed deliveries to which no row answers, by webhook.',
    labelNames: ['webhook'],
    registers,
  });
  new Gauge({
    name: 'conductor_messages',
    help: 'Messages on the bus, by type.',
    labelNames: ['type'],
    registers,
    collect() {
      for (const [type, count] of lists.counts) this.set({ type }, count);
    },
  });
  new Gauge({
    name: 'conductor_activations',
    help: 'Activations by status.',
    labelNames: ['status'],
    registers,
    collect() {
      this.reset();
      for (const { status } of ledger.view.activations.values()) this.inc({ status });
    },
  });
  const gauge = (name: string, help: string, value: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge('conductor_active_runs', 'Runs that were started and have not ended.', () => ledger.view.runs.size);
  gauge('conductor_runs', 'Runs known.', () => lists.runs.size);
  gauge('conductor_tasks', 'Tasks known.', () => lists.tasks.size);
  gauge('conductor_watchers', 'Connected WebSocket and SSE clients.', watchers);
  gauge('conductor_paused', '1 while nothing new starts.', () => (ledger.view.paused ? 1 : 0));

  const observe: Metrics['observe'] = (method, route, status, took_ms) => {
    const key = `${method} ${status} ${route}`;
    let found = counted.get(key);
    if (!found) {
      found = { labels: { method, route, status }, count: 0, time: seconds.labels({ route }) };
      counted.set(key, found);
    }
    found.count += 1;
    found.time.observe(took_ms / 1_000);
  };

  return {
    observe,
    ignored: (webhook) => ignored.inc({ webhook }),
    text: () => registry.metrics(),
    media: registry.contentType,
    async count(ctx, next) {
      const began = performance.now();
      await next();
      const route = (ctx as { _matchedRoute?: string })._matchedRoute ?? 'none';
      observe(ctx.method, route, ctx.status, performance.now() - began);
    },
  };
};
