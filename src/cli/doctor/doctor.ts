import { loadConfig } from '../load-config.js';
import { openRoot } from '../../storage/root.js';
import { clock } from '../system.js';
import { printTable } from '../table.js';
import { checkAgents } from './agents.js';
import { checkMachine } from './machine.js';
import { checkProduction } from './production.js';
import { checkRoot } from './root.js';

/** Returns 3 when something fails. */
export const doctor = async (options: {
  root: string;
  config?: string;
  production?: boolean;
  offline?: boolean;
  json?: boolean;
}): Promise<number> => {
  const loaded = loadConfig(options.config);
  const { path } = await openRoot(options.root);
  const findings = [
    ...(await checkAgents(loaded, options.offline === true)),
    ...(await checkMachine(loaded, path, clock.now())),
    ...(await checkRoot(loaded, path)),
  ];
  const all = options.production ? [...findings, ...checkProduction(loaded, findings)] : findings;
  printTable(
    all,
    [
      { title: '', of: (row) => row.verdict },
      { title: 'check', of: (row) => row.check },
      { title: 'found', of: (row) => row.message },
      { title: 'what to do', of: (row) => row.fix },
    ],
    { json: options.json, name: 'findings' },
  );
  return all.some((one) => one.verdict === 'fail') ? 3 : 0;
};
