import { FileFault } from '@cortex-mqtt/configuration-files';
import { ApiFault, connect } from './api';
import { type Command, CommandFault, type CommandContext, EXIT, type ExitCode } from './command';
import { applyCommand, driftCommand, exportCommand, planCommand, validateCommand } from './commands/configuration';
import { importEnvCommand } from './commands/import-env';
import { loginCommand } from './commands/login';
import { deliveriesCommand, messagesCommand, statusCommand } from './commands/operation';
import { watchCommand } from './commands/watch';
import { completionScript } from './completion';

const schemaCommand: Command = {
  usage: 'schema',
  summary: 'print the JSON Schema of a document, for editors',
  options: [],
  async run(context) {
    context.out(`${JSON.stringify(await connect(context.env).get('/config/schema'), null, 2)}\n`);
    return EXIT.done;
  },
};

const COMMANDS: Record<string, Command> = {
  login: loginCommand,
  export: exportCommand,
  validate: validateCommand,
  plan: planCommand,
  apply: applyCommand,
  drift: driftCommand,
  'import-env': importEnvCommand,
  watch: watchCommand,
  messages: messagesCommand,
  deliveries: deliveriesCommand,
  status: statusCommand,
  schema: schemaCommand,
};

/** Runs one command; resolves to the exit code. */
export async function run(context: CommandContext): Promise<ExitCode> {
  const [name, ...args] = context.args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    context.out(help());
    return name === undefined ? EXIT.failed : EXIT.done;
  }
  if (name === 'completion') {
    context.out(completionScript(COMMANDS));
    return EXIT.done;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return fail(context, `cortex has no command ${name}; see cortex --help`);
  if (args.includes('--help') || args.includes('-h')) {
    context.out(`cortex ${command.usage}\n\n${command.summary}\n`);
    return EXIT.done;
  }
  try {
    return await command.run({ ...context, args });
  } catch (error) {
    if (error instanceof ApiFault) {
      return fail(
        context,
        [error.message, ...error.errors.map(({ field, message }) => `  ${field} ${message}`)].join('\n'),
      );
    }
    const is_usage = String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
    if (error instanceof CommandFault || error instanceof FileFault || is_usage) {
      return fail(context, (error as Error).message);
    }
    throw error;
  }
}

function fail(context: CommandContext, message: string): ExitCode {
  context.err(message);
  return EXIT.failed;
}

function help(): string {
  const usages = Object.values(COMMANDS).map(({ usage, summary }) => `  ${usage}\n      ${summary}`);
  return `cortex: configuration as code for cortex-mqtt

Usage: cortex COMMAND [options]

${usages.join('\n')}
  completion
      print the completion script for bash and zsh: source <(cortex completion)

A FILE is YAML, a folder of it, or - for standard input. Secrets in it are names only: {secret: NAME}, {env: VARIABLE} or
{file: PATH}. {secret: NAME} takes its value from CORTEX_SECRET_<SLUG>__<NAME> or CORTEX_SECRET_<NAME> where one is set, and
else keeps what the server has.

Environment: CORTEX_URL and CORTEX_TOKEN, or what cortex login has stored.
Exit codes: 0 done, nothing to change · 1 failed · 2 changes pending (plan, drift).
`;
}
