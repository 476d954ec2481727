import { parseArgs } from 'node:util';
import { EnvironmentError, loadEnvironment, redactedEffectiveConfiguration } from '@cortex-mqtt/environment';
import { buildInfo } from '@cortex-mqtt/observability';
import { OrchestratorConfig } from '../config';
import { backupCommand, restoreCommand } from './backup.command';
import { type CommandContext, UsageError } from './command';
import { envExample } from './env-example.command';
import { checkHealth } from './healthcheck.command';
import { importEnvCommand } from './import-env.command';
import { installationCommand } from './installation.command';
import { migrate, migrateRevert } from './migrate.command';
import { printOpenApi } from './openapi.command';
import { queueRoleCommand } from './queue-role.command';
import { resetPasswordCommand } from './reset-password.command';
import { rotateKeysCommand } from './rotate-keys.command';
import { secretsCommand } from './secrets.command';

const HELP = `cortex-mqtt orchestrator

Usage: node apps/orchestrator/dist/main.js [command] [options]

Commands:
  serve              run the API until SIGTERM (default)
  config check       show the effective configuration, or every fault of it
  migrate            apply pending migrations
  migrate:revert [--yes] [--backup FILE]
                     say what the newest migration would take with it; with --yes back up and take it back
  import-env FILE --product SLUG [--create NAME] [--dry-run]
                     take a product's broker and topics over from a .env file (MQTT_HOST, …)
  rotate-keys [--dry-run | --new-key]
                     seal every secret anew with MQTT_PASSWORD_ENCRYPTION_KEY; --new-key prints a new one
  secrets [--forget] list what no key opens; --forget clears it, for when the key is lost
  backup FILE        write all configuration to a file, from one snapshot, while everything runs
  restore FILE       fill an empty database from a backup
  installation [show | adopt | keep-apart]
                     a restored database: take the original's place, or stay beside it with ids of its own
  reset-password EMAIL [--stdin] [--enable] [--keep-tokens]
                     set a new password, generated or from standard input
  queue-role         make the role of listeners on a PostgreSQL queue, with a new password, and print its URL
  openapi            print the OpenAPI document
  env-example        print every environment variable with its default
  healthcheck        exit 0 when this machine's orchestrator is ready (--live: when it lives)

Options:
  --version          version and commit
  --help             this text

Settings are environment variables: see .env.example, or "config check".
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
`;

/** Runs one command; resolves to the exit code. */
export async function runCli(deps: {
  argv: string[];
  env: NodeJS.ProcessEnv;
  serve(env: NodeJS.ProcessEnv): Promise<number>;
  out?: (text: string) => void;
  err?: (text: string) => void;
}): Promise<number> {
  const out = deps.out ?? ((text) => process.stdout.write(`${text}\n`));
  const err = deps.err ?? ((text) => process.stderr.write(`${text}\n`));
  const [command = 'serve', ...args] = deps.argv;
  const context: CommandContext = { args, env: deps.env, out, err };
  try {
    switch (command) {
      case '--help':
      case '-h':
      case 'help':
        out(HELP.trimEnd());
        return 0;
      case '--version':
      case '-v':
      case 'version': {
        const { version, git_commit } = buildInfo({ directory: __dirname, env: deps.env });
        out(`cortex-mqtt orchestrator ${version} (commit ${git_commit})`);
        return 0;
      }
      case 'serve':
        noArguments(args);
        return await deps.serve(deps.env);
      case 'config':
        return checkConfig(context);
      case 'migrate':
        noArguments(args);
        return await migrate(context);
      case 'migrate:revert':
        return await migrateRevert(context);
      case 'import-env':
        return await importEnvCommand(context);
      case 'rotate-keys':
        return await rotateKeysCommand(context);
      case 'secrets':
        return await secretsCommand(context);
      case 'backup':
        return await backupCommand(context);
      case 'restore':
        return await restoreCommand(context);
      case 'installation':
        return await installationCommand(context);
      case 'reset-password':
        return await resetPasswordCommand(context);
      case 'queue-role':
        return await queueRoleCommand(context);
      case 'openapi':
        noArguments(args);
        return await printOpenApi(context);
      case 'env-example':
        noArguments(args);
        out(envExample().trimEnd());
        return 0;
      case 'healthcheck':
        return await checkHealth(context);
      default:
        throw new UsageError(`there is no command "${command}"; --help lists them`);
    }
  } catch (error) {
    if (error instanceof EnvironmentError || error instanceof UsageError || isParseArgsError(error)) {
      err(error.message);
      return 2;
    }
    throw error;
  }
}

function checkConfig({ args, env, out, err }: CommandContext): number {
  if (args.length !== 1 || args[0] !== 'check') throw new UsageError('use: config check');
  const config = loadEnvironment(OrchestratorConfig, env, {
    onWarning: ({ variable, message }) => err(`warning: ${variable} ${message}`),
  });
  out(JSON.stringify(redactedEffectiveConfiguration(config), null, 2));
  return 0;
}

function noArguments(args: string[]): void {
  parseArgs({ args, options: {}, strict: true, allowPositionals: false });
}

function isParseArgsError(error: unknown): error is Error {
  return String((error as { code?: unknown } | null)?.code).startsWith('ERR_PARSE_ARGS');
}
