import { parseArgs } from 'node:util';
import { createApi } from '../api';
import { type Command, CommandFault, EXIT } from '../command';
import { writeCredentials } from '../credentials';

export const loginCommand: Command = {
  usage: 'login URL [--json]',
  summary: 'store server and API token; the token comes from CORTEX_TOKEN, a question or standard input',
  options: ['--json'],
  async run(context) {
    const { positionals, values } = parseArgs({
      args: context.args,
      options: { json: { type: 'boolean' } },
      allowPositionals: true,
    });
    const url = positionals[0] ?? context.env.CORTEX_URL;
    if (url === undefined) throw new CommandFault('use: cortex login URL');
    // Never an argument: others on the machine can read those.
    const given =
      context.env.CORTEX_TOKEN ??
      (await context.ask('API token (console → Account → API tokens): ')) ??
      context.stdin();
    const token = given.trim();
    if (token === '') throw new CommandFault('no token was given');
    const api = createApi({ url, authorization: `Bearer ${token}` });
    const me = await api.get<{ email?: string; user?: { email: string } }>('/auth/me');
    const email = me.email ?? me.user?.email ?? '';
    const file = writeCredentials(context.env, { url: api.url, token });
    if (values.json) context.out(`${JSON.stringify({ url: api.url, email, file })}\n`);
    else context.err(`signed in at ${api.url} as ${email}; stored in ${file}`);
    return EXIT.done;
  },
};
