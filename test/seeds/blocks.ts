import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { project } from '../support/service.js';

/** One fenced shell block of a document. */
export interface Block {
  file: string;
  /** The nearest heading of the second level. */
  section: string;
  /** From 1, among the shell blocks of the section. */
  number: number;
  line: number;
  text: string;
}

/** Where the documents are that the system comes from; undefined where the repository stands alone. */
export const seedsFolder = [process.env['SEEDS'], '../shared/seeds']
  .filter((path) => path !== undefined)
  .map((path) => resolve(project, path))
  .find((path) => existsSync(path));

export const blocksOf = (file: string, text: string): Block[] => {
  const blocks: Block[] = [];
  let section = '';
  let open: { language: string; indent: number; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^(\s*)```(\w*)\s*$/.exec(line);
    if (open) {
      if (fence?.[2] !== '') {
        open.lines.push(line.slice(open.indent));
        continue;
      }
      if (['bash', 'sh'].includes(open.language)) {
        const number = blocks.filter((block) => block.section === section).length + 1;
        blocks.push({ file, section, number, line: open.line, text: `${open.lines.join('\n')}\n` });
      }
      open = undefined;
    } else if (fence) {
      open = { language: fence[2]!, indent: fence[1]!.length, line: index + 1, lines: [] };
    } else {
      section = /^## (.*)$/.exec(line)?.[1]?.trim() ?? section;
    }
  }
  return blocks;
};

export const readBlocks = (folder: string): Block[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .flatMap((name) => blocksOf(name, readFileSync(join(folder, name), 'utf8')));
