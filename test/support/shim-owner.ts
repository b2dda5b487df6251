// Opens a shim that waits in a group of its own, says which, and stays until it is killed.
import { createCgroup } from '../../src/runner/cgroup.js';
import { spawnShell } from '../../src/runner/shell.js';
import { openShim } from '../../src/runner/shim.js';

const group = await createCgroup();
const shim = await openShim(spawnShell, group, undefined);
while (!shim.isReady()) await new Promise((resolve) => setTimeout(resolve, 10));
process.stdout.write(`${group}\n`);
setInterval(() => undefined, 1_000);
