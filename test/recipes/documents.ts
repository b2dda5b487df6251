/** A fenced block whose opening line says a language and, after it, a file. */
export interface NamedBlock {
  section: string;
  language: string;
  file: string | undefined;
  text: string;
  line: number;
}

export const namedBlocks = (text: string): NamedBlock[] => {
  const blocks: NamedBlock[] = [];
  let section = '';
  let open: NamedBlock | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^\s*```(\S*)(?: (\S+))?\s*$/.exec(line);
    if (open && fence && !fence[1]) {
      blocks.push(open);
      open = undefined;
    } else if (open) {
      open.text += `${line}\n`;
    } else if (fence) {
      open = { section, language: fence[1] ?? '', file: fence[2], text: '', line: index + 1 };
    } else {
      section = /^## (.*)$/.exec(line)?.[1] ?? section;
    }
  }
  return blocks;
};
