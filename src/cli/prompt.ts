import { readFileSync } from 'node:fs';
import { ConductorError } from '../core/errors.js';

/** Undefined when neither was given. `-` is standard input. */
export const readPrompt = (prompt: string | undefined, file: string | undefined): string | undefined => {
  if (prompt !== undefined && file !== undefined)
    throw new ConductorError('usage', 'give either --prompt or --prompt-file');
  if (file === undefined) return prompt;
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new ConductorError(
      'usage',
      `the prompt file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
};
