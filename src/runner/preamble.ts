import { readFileSync } from 'node:fs';
import { ConductorError } from '../core/errors.js';
import { markerOf, trailerOf } from '../core/marker.js';
import type { AttemptSpec } from '../core/ports.js';

export interface Place {
  rootPath: string;
  runFolder: string;
  taskFolder: string;
  outputPath: string;
}

/** What an agent is told about where it is. Every command in it is run by a test. */
export const preambleOf = (spec: AttemptSpec, place: Place, readOnly: boolean): string => {
  const output = `- Your last message is your answer.${readOnly ? ' You may read, and change nothing.' : ` Or write it, in Markdown, to ${place.outputPath}`}`;
  const facts = [
    `You are run ${spec.run_id} of task ${spec.task_id} in project ${spec.project_id}, at depth ${spec.depth} of 15.`,
    output,
  ];
  if (readOnly) return `${facts.join('\n')}\n\n`;
  return `${facts.join('\n')}
- Say what others should know (types INFO, PROGRESS, DECISION, ERROR, QUESTION):
  messagebus-tool write --type PROGRESS "what happened"
- Read what was said in this task:
  messagebus-tool read --tail 20
- Start a child and wait for its answer, which it prints (several beside each other with & and wait):
  run-agent task --task-id NAME --prompt "what it should do"
- End comments, issues and pull requests that you publish with this line, which readers do not see: ${markerOf(spec.run_id)}
- A commit outside of your working directory ends with the line ${trailerOf(spec.run_id)}
- When you cannot go on, say why in your answer and end with an error.

`;
};

const readRole = (path: string): string => {
  try {
    return `${readFileSync(path, 'utf8').trimEnd()}\n\n`;
  } catch (error) {
    throw new ConductorError('configuration', `the role file ${path} cannot be read`, { cause: error });
  }
};

/** What the agent reads: its role, its place, and what it is to do. */
export const wholePrompt = (prompt: string, role: string | undefined, preamble: string): string =>
  `${role === undefined ? '' : readRole(role)}${preamble}${prompt}`;
