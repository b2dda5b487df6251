#!/usr/bin/env node
import { CommanderError } from 'commander';
import { outliveReader } from './closed-pipe.js';
import { fail } from './fail.js';
import { createProgram } from './program.js';

outliveReader();
try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : fail(error);
}
