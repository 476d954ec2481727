/**
 * Runs a command of the orchestrator. On a machine that runs ./scripts/up the database and the encryption key come from its
 * data folder, unless the environment says otherwise.
 */
const { spawnSync } = require('node:child_process');
const { existsSync, readFileSync } = require('node:fs');
const { join, resolve } = require('node:path');

const root = resolve(__dirname, '..', '..');
const data = process.env.DATA_DIR ? resolve(process.env.DATA_DIR) : join(root, '.data');
const env = { ...process.env };

const read = (...path) => {
  const file = join(data, ...path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
};
const isSet = (name) => Boolean(env[name] || env[`${name}_FILE`]);

const server = read('postgres', 'server.json');
if (!isSet('DATABASE_URL') && server) {
  env.DATABASE_URL = `postgres://cortex:${encodeURIComponent(server.password)}@127.0.0.1:${server.port}/cortex_mqtt`;
}
const secrets = read('secrets.json');
if (!isSet('MQTT_PASSWORD_ENCRYPTION_KEY') && secrets) {
  env.MQTT_PASSWORD_ENCRYPTION_KEY = secrets.encryption_key;
}

const entry = join(root, 'apps', 'orchestrator', 'dist', 'main.js');
const { status, error } = spawnSync(process.execPath, [entry, ...process.argv.slice(2)], { env, stdio: 'inherit' });
if (error) throw error;
process.exit(status ?? 1);
