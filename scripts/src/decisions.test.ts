import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const DECISIONS = resolve(__dirname, '..', '..', 'docs', 'decisions');
const INDEX = 'README.md';
const HEADINGS = ['## Context', '## Decision', '## Consequences'];

const pages = readdirSync(DECISIONS).filter((name) => name.endsWith('.md') && name !== INDEX);
const read = (name: string) => readFileSync(resolve(DECISIONS, name), 'utf8');

const titleOf = (text: string) => (text.split('\n')[0] ?? '').slice('# NNNN '.length);

/** Everything about one page that differs from the form that README.md describes. */
function faultsOf(name: string, text: string): string[] {
  const lines = text.split('\n');
  const faults: string[] = [];
  const number = name.match(/^(\d{4})-[a-z0-9-]+\.md$/)?.[1];
  if (number === undefined) faults.push('file name: NNNN-words-of-the-title.md');
  const heading = lines[0] ?? '';
  if (!/^# \d{4} \S/.test(heading) || heading.slice(2, 6) !== number) faults.push(`line 1: # ${number} Title`);
  if (!/^Date: \d{4}-\d\d-\d\d · Status: (accepted|superseded by .*\d{4}.*)$/.test(lines[2] ?? '')) {
    faults.push('line 3: Date: YYYY-MM-DD · Status: accepted');
  }
  const headings = lines.filter((line) => line.startsWith('## '));
  if (headings.join() !== HEADINGS.join()) faults.push(`headings: ${HEADINGS.join(', ')}`);
  for (const part of HEADINGS) {
    const at = lines.indexOf(part);
    const after = at < 0 ? undefined : lines.slice(at + 1).find((line) => line.trim() !== '');
    if (after === undefined || after.startsWith('## ')) faults.push(`${part} is empty`);
  }
  return faults;
}

describe('docs/decisions', () => {
  it('has one form for all pages', () => {
    expect(pages.length).toBeGreaterThan(50);
    const faults = pages.flatMap((name) => faultsOf(name, read(name)).map((fault) => `${name}: ${fault}`));
    expect(faults).toEqual([]);
  });

  it('notices a page without that form', () => {
    expect(faultsOf('0001-a-title.md', '# A title\n\nText.\n')).toHaveLength(6);
  });

  it('gives each number once', () => {
    const numbers = pages.map((name) => name.slice(0, 4));
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
  });

  it('lists each page in the index, with its number and title', () => {
    const listed = read(INDEX)
      .split('\n')
      .filter((line) => line.startsWith('- ['));
    const expected = pages.sort().map((name) => {
      const title = titleOf(read(name));
      return `- [${name.slice(0, 4)}](${name}) ${title}`;
    });
    expect(listed).toEqual(expected);
  });

  it('links to files that exist', () => {
    const broken = [INDEX, ...pages].flatMap((name) =>
      [...read(name).matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)]
        .map(([, path = '']) => resolve(DECISIONS, path))
        .filter((path) => !existsSync(path))
        .map((path) => `${name}: ${path}`),
    );
    expect(broken).toEqual([]);
  });
});
