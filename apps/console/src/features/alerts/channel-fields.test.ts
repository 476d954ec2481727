import { CHANNEL_FIELDS, channelBody, SECRET_FIELDS } from './channel-fields';

describe('the fields of a channel', () => {
  it('are sent for its own type only, and not where they are empty', () => {
    const values = {
      to: 'a@example.com, b@example.com',
      smtp_port: '2525',
      smtp_host: ' mail ',
      password: '',
      chat_id: '7',
    };
    expect(channelBody('email', values)).toEqual({
      to: 'a@example.com, b@example.com',
      smtp_port: 2525,
      smtp_host: 'mail',
    });
    expect(channelBody('telegram', values)).toEqual({ chat_id: '7' });
  });

  it('name each secret among the fields that are asked for', () => {
    for (const [type, secrets] of Object.entries(SECRET_FIELDS)) {
      expect(CHANNEL_FIELDS[type as keyof typeof CHANNEL_FIELDS]).toEqual(expect.arrayContaining([...secrets]));
    }
  });
});
