import { childrenOf, type Handler, type Step } from './handler.js';

const titleOf = (step: Step): string => {
  switch (step.kind) {
    case 'agent':
      return `agent ${step.agents.join(' | ')}`;
    case 'emit':
      return `emit ${step.type}`;
    case 'call':
      return `call ${step.handler}`;
    case 'repeat':
      return `repeat until ${step.until} (${step.max} at most)`;
    case 'map':
      return `map over ${'from' in step.items ? step.items.from : 'glob' in step.items ? step.items.glob.join(', ') : `${step.items.list.length} items`}`;
    case 'wait':
      return step.for.kind === 'event' ? `wait for ${step.for.types.join(', ')}` : `wait (${step.for.kind})`;
    case 'http':
      return `http ${step.method} ${step.url}`;
    default:
      return step.kind;
  }
};

const labelOf = (step: Step): string =>
  [step.name ?? step.id, titleOf(step), step.when === undefined ? undefined : `when ${step.when}`]
    .filter((part) => part !== undefined)
    .join(' · ');

/** The steps directly below, each group of them with what leads to it. */
const groupsOf = (step: Step): { label?: string; steps: readonly Step[] }[] => {
  switch (step.kind) {
    case 'branch':
      return [
        ...step.cases.map((one) => ({ label: `when ${one.when}`, steps: one.steps })),
        ...(step.else.length > 0 ? [{ label: 'else', steps: step.else }] : []),
      ];
    case 'attempt':
      return [
        { label: 'try', steps: step.try },
        { label: 'compensate', steps: step.compensate },
        { label: 'on error', steps: step.rescue ?? [] },
      ].filter(({ steps }) => steps.length > 0);
    default:
      return childrenOf(step).length > 0 ? [{ steps: childrenOf(step) }] : [];
  }
};

/** The kernel tree as indented text. */
export const asText = ({ name, steps }: Handler): string => {
  const lines: string[] = [name];
  const write = (list: readonly Step[], indent: string): void => {
    for (const step of list) {
      lines.push(`${indent}${labelOf(step)}`);
      for (const { label, steps: below } of groupsOf(step)) {
        if (label !== undefined) lines.push(`${indent}  ${label}`);
        write(below, label === undefined ? `${indent}  ` : `${indent}    `);
      }
    }
  };
  write(steps, '  ');
  return `${lines.join('\n')}\n`;
};

const quoted = (text: string): string => `"${text.replaceAll('"', '#quot;').replaceAll(/[\n<>]/g, ' ')}"`;

/** The kernel tree as a Mermaid flowchart. */
export const asMermaid = ({ name, steps }: Handler): string => {
  const lines = ['flowchart TD', `  start([${quoted(name)}])`];
  let count = 0;
  type Ends = readonly { from: string; label?: string }[];
  const link = (ends: Ends, to: string): void => {
    for (const { from, label } of ends)
      lines.push(`  ${from} -->${label === undefined ? '' : `|${quoted(label)}|`} ${to}`);
  };
  const draw = (list: readonly Step[], from: Ends): Ends =>
    list.reduce<Ends>((ends, step) => drawOne(step, ends), from);
  const drawOne = (step: Step, ends: Ends): Ends => {
    const node = `s${count++}`;
    lines.push(step.kind === 'branch' ? `  ${node}{${quoted(labelOf(step))}}` : `  ${node}[${quoted(labelOf(step))}]`);
    link(ends, node);
    if (step.kind === 'parallel') return step.steps.flatMap((lane) => drawOne(lane, [{ from: node }]));
    const groups = groupsOf(step);
    if (groups.length === 0) return [{ from: node }];
    const open = step.kind === 'branch' && step.else.length === 0 ? [{ from: node, label: 'else' }] : [];
    return [
      ...groups.flatMap(({ label, steps: below }) =>
        draw(below, [{ from: node, ...(label === undefined ? {} : { label }) }]),
      ),
      ...open,
    ];
  };
  link(draw(steps, [{ from: 'start' }]), 'finish([end])');
  return `${lines.join('\n')}\n`;
};
