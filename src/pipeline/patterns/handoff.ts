import { z } from 'zod';
import type { Step } from '../../core/handler.js';

export const artifactSchema = z.union([
  z
    .string()
    .min(1)
    .transform((name) => ({ name, path: undefined, after: undefined })),
  z.strictObject({
    name: z.string().min(1),
    /** Relative to the working folder; default: the name, with or without an ending, there or in the task's `artifacts`. */
    path: z.string().min(1).optional(),
    /** The id of the step that leaves it. */
    after: z.string().optional(),
  }),
]);
export type Artifact = z.output<typeof artifactSchema>;

const CHECK = `for place in "$ARTIFACT_PATH" "$ARTIFACTS/$ARTIFACT" "$ARTIFACT"; do
  [ -n "$place" ] || continue
  for found in "$place" "$place".*; do [ -e "$found" ] && { echo "$found"; exit 0; }; done
done
echo "the artifact $ARTIFACT was not handed over: neither here nor in $ARTIFACTS" >&2
exit 2
`;

const checkOf = ({ name, path }: Artifact): Step => ({
  kind: 'shell',
  name: `artifact ${name}`,
  on_error: 'fail',
  output: 'text',
  env: { ARTIFACT: name, ARTIFACT_PATH: path ?? '', ARTIFACTS: '{{ task.artifacts }}' },
  script: CHECK,
});

const told = (step: Step, artifacts: readonly Artifact[]): Step => {
  const env = { ARTIFACTS: '{{ task.artifacts }}' };
  if (step.kind === 'shell') return { ...step, env: { ...env, ...step.env }, script: withFolder(step.script) };
  if (step.kind !== 'agent') return step;
  const names = artifacts.map(({ name, path }) => path ?? `{{ task.artifacts }}/${name}`).join('\n- ');
  return {
    ...step,
    env: { ...env, ...step.env },
    prompt: `${step.prompt}\n\nLeave these files for the next step:\n- ${names}`,
  };
};

/** A script with an interpreter of its own makes the folder itself. */
const withFolder = (script: string): string => (script.startsWith('#!') ? script : `mkdir -p "$ARTIFACTS"\n${script}`);

/** After each step what it hands over is looked for, before the next begins: the first artifact after the first step, and so on. */
export const handingOver = (steps: readonly Step[], artifacts: readonly Artifact[]): Step[] => {
  const placed = artifacts.map((artifact, index) => {
    const named = steps.findIndex((step) => step.id !== undefined && step.id === artifact.after);
    return { artifact, after: artifact.after === undefined ? Math.min(index, steps.length - 1) : named };
  });
  return steps.flatMap((step, index) => {
    const own = placed.filter(({ after }) => after === index).map(({ artifact }) => artifact);
    return own.length === 0 ? [step] : [told(step, own), ...own.map(checkOf)];
  });
};
