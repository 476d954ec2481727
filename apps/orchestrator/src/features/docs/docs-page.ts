/** The part of an OpenAPI 3.1 document that the page shows. */
interface OpenApi {
  info: { title: string; version: string; description: string };
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, Schema>;
    parameters: Record<string, Parameter>;
    responses: Record<string, Answer>;
  };
}

interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  'x-access': string;
  parameters: (Parameter | Reference)[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, Answer | Reference>;
}

interface Reference {
  $ref: string;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema: Schema;
}

interface Answer {
  description: string;
  content?: Record<string, { schema: Schema }>;
}

interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  description?: string;
}

const ACCESS: Record<string, string> = {
  public: 'anybody',
  'signed-in': 'anybody signed in',
  viewer: 'role viewer or above',
  operator: 'role operator with a grant on the product, or admin',
  admin: 'role admin',
  listener: 'listener token',
};

/** The API as one page of plain HTML: it needs no script, no network and no inline style. */
export function renderDocsPage(document: object): string {
  const api = document as OpenApi;
  const byTag = new Map<string, { path: string; method: string; operation: Operation }[]>();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0] ?? 'Other';
      byTag.set(tag, [...(byTag.get(tag) ?? []), { path, method, operation }]);
    }
  }
  const tags = [...byTag.keys()];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(api.info.title)} API</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/docs/docs.css">
</head>
<body>
<nav aria-label="Sections"><h1>${text(api.info.title)} API <small>${text(api.info.version)}</small></h1>
<ul>${tags.map((tag) => `<li><a href="#${slug(tag)}">${text(tag)}</a></li>`).join('')}<li><a href="#shapes">Shapes</a></li></ul>
<p><a href="/api/v1/openapi.json">openapi.json</a></p></nav>
<main>
<p>${text(api.info.description)}</p>
<section id="basics"><h2>Basics</h2>
<p>Send <code>Authorization: Bearer &lt;token&gt;</code>, or sign in and send the cookie; a write with the cookie also needs the header <code>x-csrf-token</code> with the value of the cookie <code>csrf_token</code>. Bodies are JSON of at most 100 kB; unknown fields are refused.</p>
<p>Lists come in pages: <code>?page=1&amp;page_size=50</code> (at most 500), answered as <code>{items, total, page, page_size}</code>. What belongs to a product’s configuration is answered with an <code>ETag</code>; send it back as <code>If-Match</code> and a write that would overwrite somebody else’s is refused with 412.</p>
<p>Errors are <code>application/problem+json</code> (RFC 9457): <code>{type, title, status, detail, instance, request_id, errors: [{field, message}]}</code>; <a href="/docs/problems">each kind is explained</a>.</p></section>
${tags.map((tag) => section(api, tag, byTag.get(tag) ?? [])).join('\n')}
<section id="shapes"><h2>Shapes</h2>
${Object.entries(api.components.schemas)
  .sort(([a], [b]) => a.localeCompare(b))
  .map(([name, schema]) => `<article id="shape-${slug(name)}"><h3>${text(name)}</h3>${properties(schema)}</article>`)
  .join('\n')}
</section>
</main>
</body>
</html>
`;
}

function section(api: OpenApi, tag: string, entries: { path: string; method: string; operation: Operation }[]): string {
  return `<section id="${slug(tag)}"><h2>${text(tag)}</h2>
${entries.map(({ path, method, operation }) => operationHtml(api, path, method, operation)).join('\n')}
</section>`;
}

function operationHtml(api: OpenApi, path: string, method: string, operation: Operation): string {
  const body = operation.requestBody?.content['application/json']?.schema;
  return `<details id="${slug(operation.operationId)}"><summary><span class="method ${method}">${method.toUpperCase()}</span> <code>${text(path)}</code> <span>${text(operation.summary)}</span></summary>
${operation.description ? `<p>${text(operation.description)}</p>` : ''}
<p>Who may: ${text(ACCESS[operation['x-access']] ?? operation['x-access'])}.</p>
${parametersHtml(api, operation)}
${body ? `<h4>Body${operation.requestBody?.required ? '' : ' (may be left out)'}</h4><p>${typeHtml(body)}</p>` : ''}
<h4>Answers</h4><ul>${Object.entries(operation.responses)
    .map(([status, response]) => {
      if ('$ref' in response) return null;
      const schema = Object.values(response.content ?? {})[0]?.schema;
      return `<li><code>${text(status)}</code> ${text(response.description)}${schema ? `: ${typeHtml(schema)}` : ''}</li>`;
    })
    .filter((line) => line !== null)
    .join('')}<li>${problemLinks(operation)}</li></ul>
</details>`;
}

function problemLinks({ responses }: Operation): string {
  const statuses = Object.entries(responses).flatMap(([status, response]) => ('$ref' in response ? [status] : []));
  return `<a href="/docs/problems">Problems</a>: ${statuses.map((status) => `<code>${text(status)}</code>`).join(' ')}`;
}

function parametersHtml(api: OpenApi, operation: Operation): string {
  const parameters = operation.parameters.flatMap((parameter) =>
    '$ref' in parameter ? (api.components.parameters[parameter.$ref.split('/').at(-1) ?? ''] ?? []) : [parameter],
  );
  if (parameters.length === 0) return '';
  return `<h4>Parameters</h4><table><thead><tr><th>Name</th><th>In</th><th>Type</th><th>Rules</th></tr></thead><tbody>${parameters
    .map(
      ({ name, in: place, required, description, schema }) =>
        `<tr><td><code>${text(name)}</code>${required ? ' *' : ''}</td><td>${text(place)}</td><td>${typeHtml(schema)}</td><td>${rules(schema)} ${text(description ?? '')}</td></tr>`,
    )
    .join('')}</tbody></table>`;
}

function properties(schema: Schema): string {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {});
  if (rows.length === 0) return '<p>No fields.</p>';
  return `<table><thead><tr><th>Field</th><th>Type</th><th>Rules</th></tr></thead><tbody>${rows
    .map(
      ([name, property]) =>
        `<tr><td><code>${text(name)}</code>${required.has(name) ? ' *' : ''}</td><td>${typeHtml(property)}</td><td>${rules(property)}</td></tr>`,
    )
    .join('')}</tbody></table>`;
}

function typeHtml(schema: Schema): string {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return `<a href="#shape-${slug(name)}">${text(name)}</a>`;
  }
  const parts = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (parts) return parts.map(typeHtml).join(' or ');
  if (schema.type === 'array') return `array of ${schema.items ? typeHtml(schema.items) : 'anything'}`;
  // A page of a list: its shape is the item's.
  if (schema.properties?.items?.items && schema.properties.page_size)
    return `page of ${typeHtml(schema.properties.items.items)}`;
  return text([schema.type ?? 'anything'].flat().join(' or '));
}

function rules(schema: Schema): string {
  const found = [
    schema.enum ? `one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}` : null,
    schema.minimum === undefined ? null : `≥ ${schema.minimum}`,
    schema.maximum === undefined ? null : `≤ ${schema.maximum}`,
    schema.minLength === undefined ? null : `at least ${schema.minLength} characters`,
    schema.maxLength === undefined ? null : `at most ${schema.maxLength} characters`,
    schema.maxItems === undefined ? null : `at most ${schema.maxItems} items`,
    schema.format ?? null,
    schema.pattern ? `/${schema.pattern}/` : null,
    schema.description ?? null,
  ].filter((rule) => rule !== null);
  return text(found.join('; '));
}

function slug(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export const DOCS_CSS = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 7%, transparent); }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 15rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); }
nav h1 { font-size: 1.1rem; }
nav ul { list-style: none; padding: 0; }
nav a { display: block; padding: .2rem 0; }
main { padding: 1rem 2rem 4rem; max-width: 72rem; }
h2 { margin-top: 2.5rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: 0 .75rem; }
details[open] { padding-bottom: .75rem; }
summary { cursor: pointer; padding: .6rem 0; }
summary code { font-weight: 600; overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 4.5rem; font: 700 .8rem ui-monospace, monospace; }
.get { color: light-dark(#0b6b3a, #5fd39a); } .post { color: light-dark(#0b4fa8, #7db4ff); } .put, .patch { color: light-dark(#8a5200, #f0b35a); } .delete { color: light-dark(#a31515, #ff8a80); }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); }
code { background: var(--soft); padding: .1rem .3rem; border-radius: .25rem; font-family: ui-monospace, monospace; font-size: .9em; }
a { color: light-dark(#0b4fa8, #7db4ff); }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border-right: 0; } main { padding: 1rem; } }
`;
