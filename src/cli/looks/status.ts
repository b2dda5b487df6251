import { TASK_STATUSES } from '../../core/task.js';
import { findService } from '../../storage/root.js';
import { readServiceFile } from '../../storage/service-file.js';
import { findTasks } from '../tasks/list.js';
import { withLedger } from '../with-ledger.js';

export const showStatus = (options: { root: string; config?: string; json?: boolean }): Promise<void> =>
  withLedger(options, async (opened) => {
    const { ledger, root, agents } = opened;
    const service = findService(root.path);
    const file = service ? readServiceFile(root.path) : undefined;
    const tasks = await findTasks(opened, {});
    const counts = Object.fromEntries(
      TASK_STATUSES.map((status) => [status, tasks.filter((task) => task.status === status).length]),
    );
    const status = {
      root: root.path,
      service: service ? { pid: service.pid, ...(file ? { url: file.url } : {}) } : null,
      paused: ledger.view.paused,
      tasks: counts,
      runs: ledger.view.runs.size,
      agents: agents
        .list()
        .filter((agent) => agent.program !== undefined || agent.backend === 'shell')
        .map((agent) => agent.name),
    };
    if (options.json) {
      process.stdout.write(`${JSON.stringify(status, null, 2)}\n`);
      return;
    }
    const told = service
      ? `process ${service.pid}${file ? ` at ${file.url}` : ''}`
      : 'none: tasks wait until one is started';
    process.stdout.write(
      [
        `root     ${status.root}`,
        `service  ${told}${status.paused ? '; paused' : ''}`,
        `tasks    ${Object.entries(counts)
          .map(([name, count]) => `${count} ${name}`)
          .join(', ')}`,
        `runs     ${status.runs} at work`,
        `agents   ${status.agents.join(', ')}`,
        '',
      ].join('\n'),
    );
  });
