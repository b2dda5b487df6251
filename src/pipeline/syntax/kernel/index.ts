import type { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import type { Reader, StepSchema } from '../schema.js';
import { agent } from './agent.js';
import { attempt } from './attempt.js';
import { branch } from './branch.js';
import { call } from './call.js';
import { code } from './code.js';
import { emit } from './emit.js';
import { http } from './http.js';
import { map } from './map.js';
import { notify } from './notify.js';
import { parallel } from './parallel.js';
import { repeat } from './repeat.js';
import { sequence } from './sequence.js';
import { shell } from './shell.js';
import { wait } from './wait.js';

/** The steps of the kernel as they are written, by the key that names them. */
export const kernelKinds = (step: StepSchema, read: Reader): Record<string, z.ZodType<Step>> => ({
  agent: agent(read),
  shell: shell(read),
  script: shell(read),
  sequence: sequence(step),
  parallel: parallel(step),
  map: map(step),
  branch: branch(step),
  repeat: repeat(step),
  attempt: attempt(step),
  wait,
  call,
  emit,
  http,
  notify,
  code,
});
