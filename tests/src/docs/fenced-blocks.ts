import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(__dirname, '..', '..', '..');

/** README first, then the pages in the order in which their commands build on each other. */
const ORDER = ['README.md', 'docs/api.md', 'docs/configuration-as-code.md'];
const LAST = 'docs/operations.md';

/** Every page with fenced blocks that readers copy from. */
export const PAGES: string[] = [
  ...ORDER,
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .filter((page) => !ORDER.includes(page) && page !== LAST)
    .sort(),
  LAST,
];

/** A fenced block of a page, as it stands there. */
export interface FencedBlock {
  /** Path below the repository. */
  file: string;
  /** Line of the fence that opens it, from 1. */
  line: number;
  language: string;
  text: string;
}

export function fencedBlocks(file: string): FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let open: FencedBlock | null = null;
  for (const [index, line] of readFileSync(join(ROOT, file), 'utf8').split('\n').entries()) {
    const fence = /^```(\w*)/.exec(line);
    if (fence === null) {
      if (open) open.text += `${line}\n`;
    } else if (open) {
      blocks.push(open);
      open = null;
    } else {
      open = { file, line: index + 1, language: fence[1] ?? '', text: '' };
    }
  }
  return blocks;
}
