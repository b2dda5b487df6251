// How late the event loop of a process that does nothing is, beside whatever else runs here: from its first line on until its
// stdin ends, then it says the p99 in ms.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 1 });
process.stdin.on('data', (order) => (String(order).startsWith('on') ? delay.enable() : delay.disable()));
process.stdin.on('end', () => process.stdout.write(`${delay.percentile(99) / 1e6}\n`));
process.stdout.write('ready\n');
