import { FileFault, parseDocuments, printDocuments, resolveSecrets } from './index';

const SECRET_SOURCES = {
  env: { TOKEN: 't', CORTEX_SECRET_A: 'a', CORTEX_SECRET_MY_SHOP__A: 'mine' },
  readFile: () => 'f\n',
};

describe('configuration files', () => {
  it.each([
    'yes',
    '1e3',
    '0x1f',
    '~',
    'null',
    '- a',
    '# no comment',
    'a: b',
    "it's",
    '"',
    '  led',
    'trailed  ',
    'a\nb\n',
    '\n\na',
    'a\r\nb',
    'tab\there',
    '{{secrets.X}}',
    '%a',
    '@a',
    '`',
    '\u0000',
    '\u2028',
    '🦊',
    '1_000',
    '2030-01-01',
    '-----BEGIN X-----\nabc\n-----END X-----\n',
  ])('keep %j as it is', (text) => {
    const documents = [{ version: 1, slug: 'a', name: text, variables: { [text]: text } }];
    const printed = printDocuments(documents);
    expect(parseDocuments(printed, 'f')).toEqual(documents);
    expect(printDocuments(parseDocuments(printed, 'f'))).toBe(printed);
  });

  it('hold many documents, and may begin or end with a mark', () => {
    const documents = [{ slug: 'a' }, { slug: 'b' }];
    expect(parseDocuments(`---\n${printDocuments(documents)}---\n`, 'f')).toEqual(documents);
    expect(parseDocuments('', 'f')).toEqual([]);
  });

  it.each(['slug: a\nslug: b\n', 'slug: [', '- a list\n', 'words'])('refuse %j with the name of the file', (text) => {
    expect(() => parseDocuments(text, 'products.yaml')).toThrow(FileFault);
    expect(() => parseDocuments(text, 'products.yaml')).toThrow('products.yaml');
  });

  it('take values from environment and files of the reader', () => {
    const document = {
      slug: 'my-shop',
      broker: { host: 'h', password: { env: 'TOKEN' }, client_key: { file: 'key.pem' } },
      brokers: [{ name: 'spare', password: { secret: 'B' } }],
      secrets: { A: { secret: 'A' }, C: {} },
    };
    expect(resolveSecrets(document, SECRET_SOURCES)).toEqual({
      slug: 'my-shop',
      broker: { host: 'h', password: { value: 't' }, client_key: { value: 'f' } },
      brokers: [{ name: 'spare', password: { secret: 'B' } }],
      secrets: { A: { secret: 'A', value: 'mine' }, C: { secret: 'C' } },
    });
  });

  it.each([
    [{ broker: { password: 'plain' } }, 'never the secret itself'],
    [{ broker: { password: { value: 'plain' } } }, 'none of secret, env and file'],
    [{ broker: { password: { env: 'MISSING' } } }, 'MISSING'],
    [{ secrets: { A: { env: 'TOKEN', file: 'x' } } }, 'one of'],
  ])('refuse %j', (document, message) => {
    expect(() => resolveSecrets({ slug: 's', ...document }, SECRET_SOURCES)).toThrow(message);
  });
});
