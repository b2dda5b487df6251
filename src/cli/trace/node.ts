/** One line of a trace and what came of it. */
export interface TraceNode {
  kind: 'event' | 'decision' | 'activation' | 'step' | 'run' | 'note';
  /** Message, activation, step path or run id. */
  id: string;
  label: string;
  /** RFC 3339: when it began. */
  ts: string;
  status?: string;
  /** Ms, when it has ended. */
  took?: number;
  detail?: string;
  children: TraceNode[];
}

const time = (ts: string): string => ts.slice(11, 23);

const duration = (ms: number): string => (ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`);

const line = ({ label, status, took, detail, ts }: TraceNode): string =>
  [label, status, took === undefined ? undefined : `in ${duration(took)}`, detail, time(ts)]
    .filter((part) => part !== undefined && part !== '')
    .join('  ')
    // A trace is one line a node, whatever text is in it.
    .replace(/[\u0000-\u001F\u007F-\u009F]+/g, ' ');

/** `marked`: the node that was asked for. */
export const drawTrace = (root: TraceNode, marked: string): string => {
  const lines: string[] = [];
  const draw = (node: TraceNode, first: string, rest: string): void => {
    lines.push(`${first}${line(node)}${node.id === marked ? '  ◀' : ''}`);
    node.children.forEach((child, index) => {
      const last = index === node.children.length - 1;
      draw(child, `${rest}${last ? '└─ ' : '├─ '}`, `${rest}${last ? '   ' : '│  '}`);
    });
  };
  draw(root, '', '');
  return `${lines.join('\n')}\n`;
};
