import type { RunRow, TaskRow } from '../api/lists/rows.js';
import { age } from './ages.js';
import { printRuns } from './looks/runs.js';
import { readPrompt } from './prompt.js';
import { scopesOf } from './run-agent/options.js';
import { askService, findService, type ServiceAddress } from './service-client.js';
import { clock } from './system.js';
import { printTable } from './table.js';
import { parseStatuses } from './tasks/list.js';
import type { Scope } from './tasks/request.js';
import { ConductorError } from '../core/errors.js';
import { parseDuration } from '../core/duration.js';

interface Where {
  root: string;
  server: string;
  json?: boolean;
}

const serviceOf = ({ root, server }: Where): Promise<ServiceAddress> => findService(root, process.env, server);
const pathOf = ({ project_id, task_id }: Scope): string =>
  `/api/v1/tasks/${encodeURIComponent(project_id)}/${encodeURIComponent(task_id)}`;
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

/** Every row of a list, page by page. */
const all = async <Row>(where: Where, name: 'tasks' | 'runs', query: Record<string, string>, limit = Infinity) => {
  const service = await serviceOf(where);
  const rows: Row[] = [];
  for (let cursor: string | undefined; ;) {
    const words = new URLSearchParams({ ...query, limit: '500', ...(cursor === undefined ? {} : { cursor }) });
    const page = (await askService(service, `/api/v1/${name}?${words.toString()}`, null)) as Record<string, Row[]> & {
      next?: string;
    };
    rows.push(...(page[name] ?? []));
    cursor = page.next;
    if (cursor === undefined || rows.length >= limit) return rows.slice(0, limit);
  }
};

/** A service elsewhere is asked, and what it says is told as if it were here. */
export const remote = {
  async status(where: Where): Promise<void> {
    say(await askService(await serviceOf(where), '/api/v1/status', null));
  },

  async runs(where: Where & { project?: string; task?: string; status?: string; limit?: number }): Promise<void> {
    const query = {
      ...(where.project === undefined ? {} : { project_id: where.project }),
      ...(where.task === undefined ? {} : { task_id: where.task }),
      ...(where.status === undefined ? {} : { status: where.status }),
    };
    const rows = await all<RunRow>(where, 'runs', query, where.limit);
    printRuns(
      rows.map((run) => ({ ...run, exit_code: run.exit ?? -1, error_summary: run.error })),
      where,
    );
  },

  async listTasks(where: Where & { project: string | undefined; status?: string }): Promise<void> {
    const statuses = parseStatuses(where.status);
    const query: Record<string, string> = where.project === undefined ? {} : { project_id: where.project };
    const tasks = await all<TaskRow>(where, 'tasks', query);
    const now = clock.now();
    printTable(
      tasks.filter(({ status }) => statuses.includes(status)),
      [
        { title: 'project', of: (task) => task.project_id },
        { title: 'task', of: (task) => task.task_id },
        { title: 'status', of: (task) => task.status },
        { title: 'age', of: (task) => age(task.last_activity, now) },
        { title: 'run', of: (task) => task.latest_run_id },
      ],
      { json: where.json, name: 'tasks' },
    );
  },

  async showTask(where: Where, scope: Scope): Promise<void> {
    say(await askService(await serviceOf(where), pathOf(scope), null));
  },

  async stopTask(where: Where, scope: Scope): Promise<void> {
    await askService(await serviceOf(where), `${pathOf(scope)}/stop`);
  },

  /** Prints the task's id. It works where the service was started, unless `cwd` names a folder there. */
  async createTask(
    where: Where & {
      project: string | undefined;
      task: string | undefined;
      agent?: string;
      prompt?: string;
      promptFile?: string;
      cwd?: string;
      timeout?: string;
      dependsOn?: string[];
      wait?: boolean;
    },
  ): Promise<void> {
    if (where.wait)
      throw new ConductorError('usage', '--wait is for a service on this machine; see task show --server');
    const depends_on = scopesOf(where.dependsOn ?? [], where.project ?? 'default').map(
      ({ project_id, task_id }) => `${project_id}/${task_id}`,
    );
    const prompt = readPrompt(where.prompt, where.promptFile);
    if (prompt === undefined) throw new ConductorError('usage', 'what is it to do? Give --prompt or --prompt-file');
    const timeout_ms = where.timeout === undefined ? undefined : parseDuration(where.timeout);
    const asked = (await askService(await serviceOf(where), '/api/v1/tasks', {
      prompt,
      ...(where.project === undefined ? {} : { project_id: where.project }),
      ...(where.task === undefined ? {} : { task_id: where.task }),
      ...(where.agent === undefined ? {} : { agent: where.agent }),
      ...(where.cwd === undefined ? {} : { cwd: where.cwd }),
      ...(timeout_ms === undefined ? {} : { timeout_seconds: timeout_ms / 1_000 }),
      ...(depends_on.length === 0 ? {} : { depends_on }),
    })) as Scope;
    process.stdout.write(where.json ? `${JSON.stringify(asked)}\n` : `${asked.task_id}\n`);
  },
};
