import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Env } from './env-decorator';
import { EnvironmentError, type Fault } from './environment-error';
import { loadEnvironment } from './load-environment';

class Common {
  @Env('LOG_LEVEL', { oneOf: ['info', 'debug'], default: 'info', doc: 'Least level logged' })
  logLevel: 'info' | 'debug';
}

class Sample extends Common {
  static prefixes = ['MQTT_'];

  @Env('PORT', { type: 'integer', default: 8004, min: 0, max: 65535, doc: 'Port' })
  port: number;

  @Env('MQTT_PASSWORD', { secret: true, doc: 'Password' })
  password?: string;

  @Env('DATABASE_URL', {
    type: 'url',
    protocols: ['postgres', 'postgresql'],
    required: true,
    secret: true,
    doc: 'Database',
  })
  databaseUrl: string;

  @Env('MQTT_USE_TLS', { type: 'boolean', default: false, doc: 'TLS' })
  useTls: boolean;

  @Env('HANDOVER_AFTER', { type: 'duration_ms', default: 20, min: 1, max: 60_000, doc: 'Handover' })
  handoverAfter_ms: number;

  @Env('EGRESS_ALLOW', { type: 'list', default: [], doc: 'Allowed' })
  egressAllow: readonly string[];

  @Env('ENCRYPTION_KEY', { type: 'key', secret: true, doc: 'Key' })
  encryptionKey?: string;

  @Env('LOG_FILE', { type: 'path', doc: 'Log file' })
  logFile?: string;

  check(): Fault[] {
    return this.useTls && this.port === 1883 ? [{ variable: 'PORT', message: 'is the plain port, with TLS on' }] : [];
  }
}

const minimal = { DATABASE_URL: 'postgres://u:p@h/d' };

function faultsOf(env: Record<string, string>): readonly Fault[] {
  try {
    loadEnvironment(Sample, env);
  } catch (error) {
    if (error instanceof EnvironmentError) return error.faults;
    throw error;
  }
  return [];
}

describe('loadEnvironment', () => {
  it('gives every property its type, its default, or undefined', () => {
    const environment = loadEnvironment(Sample, {
      ...minimal,
      PORT: '1',
      MQTT_USE_TLS: 'Yes',
      HANDOVER_AFTER: '5s',
      EGRESS_ALLOW: ' loopback, 10.0.0.0/8,,',
    });
    expect({ ...environment }).toEqual({
      logLevel: 'info',
      port: 1,
      password: undefined,
      databaseUrl: 'postgres://u:p@h/d',
      useTls: true,
      handoverAfter_ms: 5000,
      egressAllow: ['loopback', '10.0.0.0/8'],
      encryptionKey: undefined,
      logFile: undefined,
    });
  });

  it('freezes the instance and its lists', () => {
    const environment = loadEnvironment(Sample, { ...minimal, EGRESS_ALLOW: 'loopback' });
    expect(() => Object.assign(environment, { port: 2 })).toThrow(TypeError);
    expect(() => (environment.egressAllow as string[]).push('private')).toThrow(TypeError);
  });

  it('treats an empty text as not set', () => {
    expect(loadEnvironment(Sample, { ...minimal, PORT: '' }).port).toBe(8004);
    expect(faultsOf({ DATABASE_URL: '' })).toEqual([{ variable: 'DATABASE_URL', message: 'is required and not set' }]);
  });

  it('lists all faults at once, by variable', () => {
    const faults = faultsOf({
      LOG_LEVEL: 'loud',
      PORT: '70000',
      DATABASE_URL: 'mysql://x/y',
      MQTT_USE_TLS: 'maybe',
      HANDOVER_AFTER: 'soon',
      ENCRYPTION_KEY: 'short',
    });
    expect(faults).toEqual([
      { variable: 'LOG_LEVEL', message: 'must be one of info, debug' },
      { variable: 'PORT', message: 'must be from 0 to 65535' },
      { variable: 'DATABASE_URL', message: 'must be a URL beginning with postgres:// or postgresql://' },
      { variable: 'MQTT_USE_TLS', message: 'must be true or false' },
      { variable: 'HANDOVER_AFTER', message: expect.stringContaining('must be a duration') },
      { variable: 'ENCRYPTION_KEY', message: 'must be 32 bytes in base64 or hexadecimal' },
    ]);
  });

  it('never repeats a value in a fault', () => {
    const values = ['hunter2-loud', 'hunter2-port', 'hunter2-url', 'hunter2-tls', 'hunter2-key'];
    const [LOG_LEVEL, PORT, DATABASE_URL, MQTT_USE_TLS, ENCRYPTION_KEY] = values as [
      string,
      string,
      string,
      string,
      string,
    ];
    const text = JSON.stringify(faultsOf({ LOG_LEVEL, PORT, DATABASE_URL, MQTT_USE_TLS, ENCRYPTION_KEY }));
    expect(text).not.toContain('hunter2');
    expect(text).toContain('ENCRYPTION_KEY');
  });

  it.each(['0x10', '1.5', '1e3', ' ', 'NaN', '9999999999999999999'])('refuses %p as an integer', (PORT) => {
    expect(faultsOf({ ...minimal, PORT })).toEqual([{ variable: 'PORT', message: expect.any(String) }]);
  });

  it.each([
    ['base64', Buffer.alloc(32, 7).toString('base64')],
    ['base64url', Buffer.alloc(32, 255).toString('base64url')],
    ['hexadecimal', Buffer.alloc(32, 7).toString('hex')],
  ])('accepts a key in %s', (_form, ENCRYPTION_KEY) => {
    expect(loadEnvironment(Sample, { ...minimal, ENCRYPTION_KEY }).encryptionKey).toBe(ENCRYPTION_KEY);
  });

  it('adds the faults of cross-field checks', () => {
    expect(faultsOf({ ...minimal, PORT: '1883', MQTT_USE_TLS: 'true', LOG_LEVEL: 'loud' })).toEqual([
      { variable: 'LOG_LEVEL', message: 'must be one of info, debug' },
      { variable: 'PORT', message: 'is the plain port, with TLS on' },
    ]);
  });

  it('lets a check that throws on a sound environment be seen', () => {
    class Broken {
      @Env('A', { default: 'a', doc: 'A' })
      a: string;
      check(): Fault[] {
        throw new RangeError('a defect');
      }
    }
    expect(() => loadEnvironment(Broken, {})).toThrow(RangeError);
  });

  it('reports variables with a known prefix that nobody declares, with the likely name', () => {
    const warnings: Fault[] = [];
    loadEnvironment(
      Sample,
      { ...minimal, MQTT_PASWORD: 'x', MQTT_SOMETHING_ELSE: 'y', OTHER: 'z', MQTT_PASSWORD_FILE: '' },
      { onWarning: (w) => warnings.push(w) },
    );
    expect(warnings).toEqual([
      { variable: 'MQTT_PASWORD', message: 'is not a known variable; is MQTT_PASSWORD meant?' },
      { variable: 'MQTT_SOMETHING_ELSE', message: 'is not a known variable' },
    ]);
  });
});

describe('Env', () => {
  it('makes the compiler refuse a property of another type', () => {
    class Wrong {
      // @ts-expect-error an integer does not fit a text
      @Env('PORT', { type: 'integer', default: 1, doc: 'Port' })
      port: string;

      // @ts-expect-error nor does a text fit a default of an integer
      @Env('OTHER', { type: 'integer', default: 'one', doc: 'Other' })
      other: number;
    }
    expect(loadEnvironment(Wrong, {})).toEqual({ port: 1, other: 'one' });
  });
});

describe('a variable read from a file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'environment-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('loses its trailing newline and nothing else', () => {
    const file = join(folder, 'password');
    writeFileSync(file, '  pass word \r\n');
    expect(loadEnvironment(Sample, { ...minimal, MQTT_PASSWORD_FILE: file }).password).toBe('  pass word ');
  });

  it('is checked like any other value', () => {
    const file = join(folder, 'port');
    writeFileSync(file, 'eighty\n');
    expect(faultsOf({ ...minimal, PORT_FILE: file })).toEqual([{ variable: 'PORT', message: 'must be an integer' }]);
  });

  it('is a fault when the variable itself is set too', () => {
    expect(faultsOf({ ...minimal, MQTT_PASSWORD: 'a', MQTT_PASSWORD_FILE: join(folder, 'x') })).toEqual([
      { variable: 'MQTT_PASSWORD', message: 'is set, and so is MQTT_PASSWORD_FILE: only one of them may be' },
    ]);
  });

  it('is a fault when it cannot be read, or is empty', () => {
    writeFileSync(join(folder, 'empty'), '\n');
    expect(faultsOf({ ...minimal, MQTT_PASSWORD_FILE: join(folder, 'absent') })).toEqual([
      { variable: 'MQTT_PASSWORD_FILE', message: 'names a file that cannot be read (ENOENT)' },
    ]);
    expect(faultsOf({ ...minimal, MQTT_PASSWORD_FILE: join(folder, 'empty') })).toEqual([
      { variable: 'MQTT_PASSWORD_FILE', message: 'names an empty file' },
    ]);
  });

  it('is not meant by X_FILE when that is a variable of its own', () => {
    class Logs {
      @Env('LOG', { default: 'stdout', doc: 'Log' })
      log: string;
      @Env('LOG_FILE', { type: 'path', doc: 'Log file' })
      logFile?: string;
    }
    const environment = loadEnvironment(Logs, { LOG_FILE: '/nowhere/log' });
    expect(environment).toMatchObject({ log: 'stdout', logFile: '/nowhere/log' });
  });
});
