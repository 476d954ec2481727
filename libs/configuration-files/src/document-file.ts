import { Document, parseAllDocuments, type ParsedNode } from 'yaml';

/** A product in a file, before the server has looked at it. */
export type PlainDocument = Record<string, unknown>;

/** Something is wrong with a file, at a place that a person can find. */
export class FileFault extends Error {
  override readonly name = 'FileFault';
}

/** Documents of a YAML (or JSON) file, `---` between them. Throws FileFault with file and line. */
export function parseDocuments(text: string, file: string): PlainDocument[] {
  const parsed = parseAllDocuments(text, { version: '1.2', uniqueKeys: true, merge: true });
  const documents: PlainDocument[] = [];
  for (const document of 'empty' in parsed ? [] : parsed) {
    const [fault] = document.errors;
    if (fault !== undefined) throw new FileFault(`${file}: ${fault.message}`);
    const value: unknown = (document as Document<ParsedNode>).toJS({ maxAliasCount: 1_000 });
    // A file may begin or end with ---.
    if (value === null || value === undefined) continue;
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw new FileFault(`${file}: a document must be a mapping such as "version: 1, slug: …"`);
    }
    documents.push(value as PlainDocument);
  }
  return documents;
}

/** The same documents give the same bytes. */
export function printDocuments(documents: readonly PlainDocument[]): string {
  return documents.map((document) => print(document)).join('---\n');
}

function print(value: PlainDocument): string {
  const document = new Document(value, { aliasDuplicateObjects: false, version: '1.2' });
  // Nothing is folded: a line of a file is a line of the value.
  return document.toString({ lineWidth: 0, blockQuote: 'literal', indentSeq: true });
}
