import { join } from 'node:path';

/** Where everything of a root lies. Nothing else builds these paths. */
export const layout = (root: string) => {
  const own = join(root, '.conductor');
  return {
    own,
    rootFile: join(own, 'root.json'),
    keyFile: join(own, 'key'),
    serviceLock: join(own, 'service.lock'),
    serviceFile: join(own, 'service.json'),
    tokenFile: join(own, 'token'),
    auditFile: join(own, 'audit.jsonl'),
    slotsFolder: join(own, 'slots'),
    queueFolder: join(own, 'queue'),
    /** Held by who carries the loop of a task. */
    loop: (project_id: string, task_id: string): string => join(own, 'loops', `${project_id}@${task_id}`),
    rawFolder: join(own, 'raw'),
    raw: (run_id: string): string => join(own, 'raw', run_id),
    /** Trees of handlers, by their hash. */
    treesFolder: join(own, 'handlers'),
    /** Results of steps, by what went into them. */
    stepCacheFolder: join(own, 'cache', 'steps'),
    busFile: join(root, 'MESSAGE-BUS.md'),
    runsFolder: root,
    project: (project_id: string): string => join(root, project_id),
    task: (project_id: string, task_id: string): string => join(root, project_id, task_id),
    run: (project_id: string, task_id: string, run_id: string): string => join(root, project_id, task_id, run_id),
  };
};

export type Layout = ReturnType<typeof layout>;
