import { describeEnvironment, renderEnvExample } from './describe-environment';
import { redactedEffectiveConfiguration, secretValues } from './effective-configuration';
import { Env } from './env-decorator';
import { loadEnvironment } from './load-environment';

class Api {
  static title = 'API';

  @Env('PORT', { type: 'integer', default: 8004, min: 0, max: 65535, doc: 'Port of the API' })
  port: number;

  @Env('DATABASE_URL', { type: 'url', required: true, example: 'postgres://cortex@localhost/cortex', doc: 'Database' })
  databaseUrl: string;

  @Env('API_TOKEN', { secret: true, section: 'Secrets', doc: 'Token | once' })
  token?: string;

  @Env('GREETING', { default: 'good day', doc: 'Text' })
  greeting: string;

  @Env('OLD_KEYS', { type: 'list', secret: true, default: [], section: 'Secrets', doc: 'Old keys' })
  oldKeys: readonly string[];
}

class Other {
  @Env('PORT', { type: 'integer', default: 1, doc: 'The same variable' })
  port: number;
  @Env('PAUSE', { type: 'duration_ms', default: 250, doc: 'Pause' })
  pause_ms: number;
}

describe('describeEnvironment', () => {
  it('tells type, default, section and doc of each variable', () => {
    expect(describeEnvironment(Api).slice(0, 3)).toEqual([
      expect.objectContaining({ variable: 'PORT', type: 'integer 0–65535', default: '8004', section: 'API' }),
      expect.objectContaining({ variable: 'DATABASE_URL', type: 'URL', default: null, required: true }),
      expect.objectContaining({ variable: 'API_TOKEN', secret: true, section: 'Secrets' }),
    ]);
  });
});

describe('renderEnvExample', () => {
  it('names each variable once, with required ones open and the others commented out', () => {
    const text = renderEnvExample(Api, Other);
    expect(text).toContain('\nDATABASE_URL=postgres://cortex@localhost/cortex\n');
    expect(text).toContain('\n#PORT=8004\n');
    expect(text).toContain("\n#GREETING='good day'\n");
    expect(text).toContain('\n#PAUSE=250ms\n');
    expect(text.match(/PORT=/g)).toHaveLength(1);
    expect(text.indexOf('# --- Secrets ---')).toBeGreaterThan(text.indexOf('# --- API ---'));
  });
});

describe('redactedEffectiveConfiguration', () => {
  const environment = loadEnvironment(Api, {
    DATABASE_URL: 'postgres://cortex:hun%74er22@db/cortex?sslkey=hunter33',
    API_TOKEN: 'hunter4444',
  });

  it('shows values in force, and of secrets only whether they are set', () => {
    expect(redactedEffectiveConfiguration(environment)).toEqual({
      PORT: 8004,
      DATABASE_URL: 'postgres://cortex:***@db/cortex?sslkey=***',
      API_TOKEN: '(set)',
      GREETING: 'good day',
      OLD_KEYS: '(not set)',
    });
  });

  it('has a counterpart that hands the secrets to a redactor', () => {
    expect(secretValues(environment).sort()).toEqual(['hun%74er22', 'hunter22', 'hunter4444'].sort());
  });
});
