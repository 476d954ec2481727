import { randomBytes } from 'node:crypto';
import { freePort } from '@cortex-mqtt/testing';
import { runApp } from './harness/node-process';

jest.setTimeout(240_000);

const SECRET = 'not-for-anybody-to-read-5521';
const GOOD = {
  orchestrator: {
    DATABASE_URL: `postgres://app:${SECRET}@127.0.0.1:5432/app`,
    MQTT_PASSWORD_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    ADMIN_EMAIL: 'admin@example.com',
    ADMIN_PASSWORD: SECRET,
  },
  listener: { ORCHESTRATOR_URL: 'http://127.0.0.1:8004', LISTENER_TOKEN: SECRET },
};

describe.each(['orchestrator', 'listener'] as const)('the command line of the %s', (app) => {
  it('tells version and commit, and how to use it', async () => {
    const version = await runApp(app, { args: ['--version'] });
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(new RegExp(`^cortex-mqtt ${app} \\d+\\.\\d+\\.\\d+ \\(commit .+\\)\\n$`));
    const help = await runApp(app, { args: ['--help'] });
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/config check[\s\S]*healthcheck/);
  });

  it('ends with 2 for a command that there isn’t', async () => {
    const unknown = await runApp(app, { args: ['dance'] });
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/dance/);
  });

  it('shows the effective configuration without a secret', async () => {
    const check = await runApp(app, { args: ['config', 'check'], env: GOOD[app] });
    expect(check.code).toBe(0);
    expect(JSON.parse(check.stdout)).toBeInstanceOf(Object);
    expect(check.stdout + check.stderr).not.toContain(SECRET);
  });

  it('lists every fault of the configuration by its variable, never a value, and ends with 2', async () => {
    const env = { ...GOOD[app], LOG_LEVEL: 'shouting', EGRESS_ALLOW: 'loopback', QUEUE_URL: `ftp://${SECRET}` };
    for (const args of [['config', 'check'], []]) {
      const check = await runApp(app, { args, env });
      expect(check.code).toBe(2);
      expect(check.stderr).toMatch(/LOG_LEVEL/);
      expect(check.stderr).toMatch(/QUEUE_URL/);
      expect(check.stdout + check.stderr).not.toMatch(new RegExp(`${SECRET}|shouting`));
    }
  });

  it('says that nothing answers where nothing runs', async () => {
    const port = String(await freePort());
    const check = await runApp(app, { args: ['healthcheck'], env: { ...GOOD[app], PORT: port, HEALTH_PORT: port } });
    expect(check.code).toBe(1);
    expect(check.stderr).toMatch(/does not answer/);
  });
});
