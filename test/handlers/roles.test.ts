import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { agentsOf } from '../../src/cli/agents.js';
import { configSchema } from '../../src/core/config.js';
import { project, temporary } from '../support/service.js';

/** Each that the documents of the patterns name. */
const ROLES = [
  'analyzer',
  'designer',
  'builder',
  'tester',
  'auth-explorer',
  'db-explorer',
  'api-explorer',
  'code-reviewer',
  'bug-fixer',
  'security-auditor',
  'optimizer',
  'test-runner',
  'architect',
  'fastapi-backend-expert',
  'react-frontend-architect',
  'pytest-test-master',
  'architecture-guardian',
  'codebase-cleaner',
  'comment-cleaner',
];

test('every role of the documents is a named agent on the default backend, with a prompt in the template of its own', () => {
  const agents = agentsOf(configSchema.parse({}), temporary('roles'));
  for (const role of ROLES) {
    assert.equal(agents[role], { role: join(project, 'handlers', 'prompts', `${role}.md`) }, role);
    const prompt = readFileSync(agents[role]!.role!, 'utf8');
    assert.is(prompt.split('\n')[0], `# Role: ${role}`);
    const headings = [...prompt.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    assert.equal(
      headings.filter((heading) => heading !== 'How you work'),
      ['Objective', 'Input', 'Output', 'Success criteria', 'Constraints'],
      role,
    );
  }
});

test.run();
