// How late the event loop of a process that does nothing is, beside whatever else runs here. Measures between the lines `on`
// and `off` of its stdin, and says the p99 in ms when that ends.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 1 });
process.stdin.on('data', (order) => (String(order).startsWith('on') ? delay.enable() : delay.disable()));
process.stdin.on('end', () => process.stdout.write(`${delay.percentile(99) / 1e6}\n`));
process.stdout.write('ready\n');
