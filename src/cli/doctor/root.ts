import { statSync } from 'node:fs';
import { layout } from '../../storage/layout.js';
import { findService } from '../../storage/root.js';
import { readServiceFile } from '../../storage/service-file.js';
import { findProblems } from '../config/check.js';
import type { LoadedConfig } from '../load-config.js';
import { finding, type Finding } from './finding.js';

const isPrivate = (path: string): boolean | undefined => {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && (found.mode & 0o077) === 0;
};

const permissions = (root: string): Finding[] => {
  const { own, keyFile, tokenFile } = layout(root);
  return [own, keyFile, tokenFile]
    .filter((path) => isPrivate(path) === false)
    .map((path) => finding('permissions', 'fail', `others may read ${path}`, `chmod go= ${path}`));
};

const service = async (root: string): Promise<Finding> => {
  const holder = findService(root);
  if (!holder) return finding('service', 'warn', 'none serves this root', 'conductor serve');
  const file = readServiceFile(root);
  if (!file?.url) return finding('service', 'ok', `process ${holder.pid}`);
  try {
    const { ok } = await fetch(`${file.url}/api/v1/health`, { signal: AbortSignal.timeout(5_000) });
    return finding(
      'service',
      ok ? 'ok' : 'fail',
      `${file.url} ${ok ? 'is healthy' : 'is not healthy'}`,
      'look at its log',
    );
  } catch {
    return finding('service', 'fail', `process ${holder.pid} does not answer at ${file.url}`, 'look at its log');
  }
};

export const checkRoot = async (loaded: LoadedConfig, root: string): Promise<Finding[]> => {
  const problems = findProblems(loaded, process.env);
  const wrong = permissions(root);
  return [
    ...problems.map(({ field, message }) =>
      finding('configuration', 'fail', `${field}: ${message}`, `change ${field}`),
    ),
    ...(problems.length === 0 ? [finding('configuration', 'ok', loaded.file ?? 'the defaults')] : []),
    ...wrong,
    ...(wrong.length === 0 ? [finding('permissions', 'ok', 'keys and secrets are their owner’s alone')] : []),
    await service(root),
  ];
};
