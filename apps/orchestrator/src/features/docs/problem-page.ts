import { PROBLEM_TYPES, problemPage, type ProblemType, problemUrn } from '../../http/problem-types';

/** What `/docs/problems/{kind}` says; null when there is no such kind. */
export function renderProblemPage(kind: string): string | null {
  const type = PROBLEM_TYPES.find((candidate) => candidate.kind === kind);
  return type === undefined ? null : page(type.title, problemHtml(type));
}

export function renderProblemList(): string {
  const rows = PROBLEM_TYPES.map(
    ({ kind, status, title }) =>
      `<tr><td>${status}</td><td><a href="${problemPage(kind)}">${kind}</a></td><td>${text(title)}</td></tr>`,
  );
  return page(
    'Problems that the API answers',
    `<table><thead><tr><th>Status</th><th>Kind</th><th>Title</th></tr></thead><tbody>${rows.join('')}</tbody></table>`,
  );
}

function problemHtml({ kind, status, meaning, advice }: ProblemType): string {
  return `<p><code>${problemUrn(kind)}</code>, status ${status}</p><p>${text(meaning)}</p><h2>What to do</h2><p>${text(advice)}</p>
<p><a href="/docs/problems">All problems</a></p>`;
}

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title><link rel="icon" href="/favicon.svg"><link rel="stylesheet" href="/docs/docs.css"></head>
<body><nav aria-label="Sections"><p><a href="/docs">API</a></p></nav><main><h1>${text(title)}</h1>${body}</main></body></html>
`;

/** Escaped, with `code` in back-quotes set as code. */
function text(value: string): string {
  const escaped = value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return escaped.replace(/`([^`]+)`/g, '<code>$1</code>');
}
