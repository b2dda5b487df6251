#!/usr/bin/env node
// The report a person would begin with: failing output, the files it names, and the commits that touched them.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const { event } = JSON.parse(readFileSync(0, 'utf8'));
const output = String(event.data.output ?? event.body);
const git = (...args) => {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
};

const sha = typeof event.data.sha === 'string' && /^[0-9a-f]{7,64}$/.test(event.data.sha) ? event.data.sha : 'HEAD';
const tracked = git('ls-tree', '-r', '--name-only', sha).split('\n').filter(Boolean);
const named = tracked.filter((file) => output.includes(file) || output.includes(file.split('/').at(-1))).slice(0, 20);
const failing = output
  .split('\n')
  .filter((line) => /not ok|FAIL|✗|✖|✕|Error:|AssertionError|panic:|^E\s/.test(line))
  .slice(0, 40);
const commits = git('log', '-n', '5', '--format=%h %an %ad %s', '--date=short', sha, '--', ...named);

const report = `# Triage of a failing test run

## Failing
${failing.map((line) => `    ${line}`).join('\n') || '    (no line of the output looks like a failing test)'}

## Pushed commit
    ${git('log', '-n', '1', '--format=%H %an %ad %s', '--date=short', sha) || 'the folder is no git repository'}

## Files of the repository that the output names
${named.map((file) => `- ${file}`).join('\n') || '- none'}

## Last commits that touched them
${(commits || 'none')
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}

## Changed by the pushed commit
${git('show', '--stat', '--format=', sha)
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}

## End of the output
${output
  .split('\n')
  .slice(-40)
  .map((line) => `    ${line}`)
  .join('\n')}
`;
if (process.env.CONDUCTOR_OUTPUT) writeFileSync(process.env.CONDUCTOR_OUTPUT, report);
console.log(report);
