import { openBlobs } from '../bus/blobs.js';
import { openFileBus } from '../bus/file-bus.js';
import { createChooser } from '../pipeline/chooser.js';
import { createAgents } from '../runner/agents.js';
import { standApart } from '../runner/apart.js';
import { leaveOuterCgroup } from '../runner/cgroup.js';
import { createRedactor } from '../runner/redact.js';
import { createRunner } from '../runner/runner.js';
import { openLoopClaims } from '../storage/loop-claims.js';
import { createIds } from '../storage/ids.js';
import { openRoot } from '../storage/root.js';
import { openRuns } from '../storage/run-store.js';
import { readServiceFile } from '../storage/service-file.js';
import { openSlots } from '../storage/slots.js';
import { createTickets } from '../storage/tickets.js';
import { openWorkspaces } from '../workspace/workspaces.js';
import { limitAgents } from './limits.js';
import { indexWorker, binFolder, restProgram, spawnHelper, sweepWorker } from './package-folder.js';
import { clock, random } from './system.js';
import { loadConfig, type LoadedConfig } from './load-config.js';
import { agentsOf, secretsOf } from './agents.js';

/** What every command that runs agents needs; without the service's parts. */
export const openLocal = async (options: { root: string; config?: string | undefined; startsMany?: boolean }) => {
  const loaded: LoadedConfig = loadConfig(options.config);
  leaveOuterCgroup();
  const { config, folder } = loaded;
  const root = await openRoot(options.root);
  if (!options.startsMany) standApart(root.path, process.env);
  const settings = {
    durability: config.defaults.durability,
    rotation: { bytes: config.bus.segment_bytes, age_ms: config.bus.segment_age },
  };
  const bus = await openFileBus({
    root: root.path,
    key: root.key,
    clock,
    ...settings,
    ...(options.startsMany ? { indexer: indexWorker } : {}),
  });
  const blobs = openBlobs(root.path, config.defaults.durability === 'fsync');
  const runs = openRuns(root.path);
  const agents = createAgents({
    config: agentsOf(config, folder),
    restProgram,
    ...(config.defaults.agent === undefined ? {} : { defaultAgent: config.defaults.agent }),
    environment: process.env,
  });
  const tickets = createTickets(root.key);
  const runAny = createRunner({
    rootPath: root.path,
    runs,
    agents,
    clock,
    environment: process.env,
    binFolder,
    sweepWorker,
    redact: createRedactor(secretsOf(loaded, process.env)),
    ticketOf: (run) => tickets.issue(run),
    serviceUrl: () => {
      const service = readServiceFile(root.path);
      // A socket of the file system has no address that an agent could be given.
      return service?.socket === undefined ? service?.url : undefined;
    },
    budgets: { bus, config: config.budgets },
    slots: openSlots(root.path, config.defaults.max_concurrent, clock),
    // For one start a helper is not worth its own.
    ...(options.startsMany ? { ahead: true, spawnHelper } : {}),
  });
  const runner = limitAgents(runAny, { bus, clock, config });
  const chooser = createChooser({ bus, agents, clock, random });
  const workspaces = openWorkspaces(root.path);
  const claims = openLoopClaims(root.path);
  return {
    ...loaded,
    root,
    settings,
    bus,
    blobs,
    runs,
    agents,
    runner,
    workspaces,
    claims,
    chooser,
    ids: createIds(clock, process.pid),
    clock,
    random,
  };
};

export type Local = Awaited<ReturnType<typeof openLocal>>;
