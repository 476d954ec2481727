import { referencedSecrets } from './secret-references';
import { buildAction } from './testing/action-bench';

describe('referencedSecrets', () => {
  it('finds names in templates, in fields that name one, and nowhere else', () => {
    const actions = [
      buildAction({
        id: 'a',
        type: 'webhook',
        url: 'https://x.test/{{secrets.URL_KEY}}',
        headers: { authorization: 'Bearer {{ secrets.TOKEN }}' },
        body: '{{secrets.BODY}} {{payload.x}}',
        signing_secrets: ['NEW', 'OLD'],
        client_cert_secret: 'CERT',
        client_key_secret: 'KEY',
        input: '{"a": {"secrets": 1}}',
      }),
      buildAction({ id: 'b', type: 'postgres', connection_secret: 'DB', statement: "SELECT '{{secrets.NOT}}'" }),
    ];
    expect(referencedSecrets(actions)).toEqual(['BODY', 'CERT', 'DB', 'KEY', 'NEW', 'OLD', 'TOKEN', 'URL_KEY']);
  });
});
