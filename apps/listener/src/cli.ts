import {
  EnvironmentError,
  loadEnvironment,
  redactedEffectiveConfiguration,
  renderEnvExample,
} from '@cortex-mqtt/environment';
import { buildInfo } from '@cortex-mqtt/observability';
import { ListenerConfig } from './config';
import { checkHealth } from './health-request';

const HELP = `cortex-mqtt listener

Usage: node apps/listener/dist/main.js [command]

Commands:
  run            listen until SIGTERM (default)
  config check   show the effective configuration, or every fault of it
  healthcheck    exit 0 when this machine's listener lives
  env-example    print every environment variable with its default

Options:
  --version      version and commit
  --help         this text

Settings are environment variables: see apps/listener/.env.example, or "config check".
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.`;

/** Runs one command; resolves to the exit code. */
export async function runCli(deps: {
  argv: string[];
  env: NodeJS.ProcessEnv;
  run(env: NodeJS.ProcessEnv): Promise<number>;
}): Promise<number> {
  const { argv, env } = deps;
  const out = (text: string): void => void process.stdout.write(`${text}\n`);
  const err = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    switch (argv.join(' ')) {
      case '':
      case 'run':
        return await deps.run(env);
      case '--help':
      case '-h':
        out(HELP);
        return 0;
      case '--version':
      case '-v': {
        const { version, git_commit } = buildInfo({ directory: __dirname, env });
        out(`cortex-mqtt listener ${version} (commit ${git_commit})`);
        return 0;
      }
      case 'config check': {
        const config = loadEnvironment(ListenerConfig, env, {
          onWarning: ({ variable, message }) => err(`warning: ${variable} ${message}`),
        });
        out(JSON.stringify(redactedEffectiveConfiguration(config), null, 2));
        return 0;
      }
      case 'env-example':
        out(renderEnvExample(ListenerConfig).trimEnd());
        return 0;
      case 'healthcheck':
        return await checkHealth(env, { out, err });
      default:
        err(`there is no command "${argv.join(' ')}"; --help lists them`);
        return 2;
    }
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    err(error.message);
    return 2;
  }
}
