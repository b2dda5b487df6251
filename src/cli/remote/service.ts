import { askService, findService, type ServiceAddress } from '../service-client.js';
import type { Scope } from '../tasks/scope.js';

/** A service elsewhere is asked, and what it says is told as if it were here. */
export interface Where {
  root: string;
  server: string;
  json?: boolean;
}

export const serviceOf = ({ root, server }: Where): Promise<ServiceAddress> => findService(root, process.env, server);

export const taskPath = ({ project_id, task_id }: Scope): string =>
  `/api/v1/tasks/${encodeURIComponent(project_id)}/${encodeURIComponent(task_id)}`;

export const get = (service: ServiceAddress, path: string): Promise<unknown> =>
  askService(service, path, { method: 'GET' });

/** Every row of a list, page by page. */
export const rowsOf = async <Row>(
  service: ServiceAddress,
  name: 'tasks' | 'runs',
  query: Record<string, string>,
  limit = Infinity,
): Promise<Row[]> => {
  const rows: Row[] = [];
  for (let cursor: string | undefined; ;) {
    const words = new URLSearchParams({ ...query, limit: '500', ...(cursor === undefined ? {} : { cursor }) });
    const page = (await get(service, `/api/v1/${name}?${words.toString()}`)) as Record<string, Row[]> & {
      next?: string;
    };
    rows.push(...(page[name] ?? []));
    cursor = page.next;
    if (cursor === undefined || rows.length >= limit) return rows.slice(0, limit);
  }
};
