import { brokerAddressOf, createBinder, portAfter, transportFor } from './form-fields';

describe('the port', () => {
  it('follows the transport while it is the usual one', () => {
    expect(portAfter(1883, 'tcp', 'tls')).toBe(8883);
    expect(portAfter(8883, 'tls', 'tcp')).toBe(1883);
    expect(portAfter(1884, 'tcp', 'tls')).toBe(1884);
  });
});

describe('the transport', () => {
  it('is made of two switches', () => {
    expect(transportFor({ websocket: true, encrypted: true })).toBe('wss');
    expect(transportFor({ websocket: false, encrypted: false })).toBe('tcp');
  });
});

describe('a pasted address', () => {
  it('fills host, port, encryption and path', () => {
    expect(brokerAddressOf('mqtts://broker.example.com')).toEqual({
      host: 'broker.example.com',
      port: 8883,
      transport: 'tls',
    });
    expect(brokerAddressOf(' WSS://[::1]:9001/mqtt ')).toEqual({
      host: '::1',
      port: 9001,
      transport: 'wss',
      path: '/mqtt',
    });
    expect(brokerAddressOf('10.0.0.7:1884')).toEqual({ host: '10.0.0.7', port: 1884 });
  });

  it('stays as it is when it is a plain host, or nothing that can be read', () => {
    for (const text of ['broker.example.com', '::1', 'https://example.com', 'two words:1', '']) {
      expect(brokerAddressOf(text)).toBeNull();
    }
  });
});

describe('a bound field', () => {
  const bind = (draft: Record<string, unknown>, faults: Record<string, string> = {}) => {
    const written: [string, unknown][] = [];
    const binder = createBinder(
      { draft, faults, conflicts: [], set: (field, value) => written.push([field, value]) },
      { readOnly: false, localFaults: { 'topics.prefix': 'unknown placeholder' } },
    );
    return { binder, written };
  };

  it('writes null for an emptied field, and an empty text where the API wants one', () => {
    const { binder, written } = bind({ 'broker.username': 'ada' });
    binder.text('broker.username').onChange({ currentTarget: { value: '' } });
    binder.text('topics.prefix').onChange({ currentTarget: { value: '' } });
    binder.number('broker.port').onChange(null);
    expect(written).toEqual([
      ['broker.username', null],
      ['topics.prefix', ''],
      ['broker.port', null],
    ]);
  });

  it('shows a fault of something inside it, and one the page found itself', () => {
    const { binder } = bind({}, { 'broker.alpn_protocols[0]': 'must be a text' });
    expect(binder.error('broker.alpn_protocols')).toBe('must be a text');
    expect(binder.error('topics.prefix')).toBe('unknown placeholder');
    expect(binder.error('broker.host')).toBeUndefined();
  });
});
