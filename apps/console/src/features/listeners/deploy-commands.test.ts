import { deployCommands, freeInstanceId } from './deploy-commands';

describe('commands that start a listener', () => {
  it('carry address, token and instance', () => {
    const commands = deployCommands({
      orchestratorUrl: 'https://cortex.example',
      token: 'clt_abc',
      instanceId: 'edge-1',
    });
    for (const command of Object.values(commands)) {
      expect(command).toContain('https://cortex.example');
      expect(command).toContain('clt_abc');
      expect(command).toContain('edge-1');
    }
  });

  it('name the instance as no other one is', () => {
    expect(freeInstanceId('shop', [])).toBe('shop-1');
    expect(freeInstanceId('shop', [{ id: 'shop-1' }, { id: 'shop-3' }])).toBe('shop-2');
  });

  it('quote for the shell what needs it', () => {
    const { node } = deployCommands({ orchestratorUrl: "http://x/it's", token: null, instanceId: 'a b' });
    expect(node).toContain(`ORCHESTRATOR_URL='http://x/it'\\''s'`);
    expect(node).toContain("LISTENER_TOKEN='<token>'");
    expect(node).toContain("INSTANCE_ID='a b'");
  });
});
