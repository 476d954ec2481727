import { REDACTED } from '@cortex-mqtt/expressions';
import { ActionFault } from '../action-fault';
import type { ActionType, PrepareContext } from '../action-type';
import { expressionFaults, secretFaults } from '../field-checks';
import { PostgresAction } from './postgres-action';
import { highestParameter } from './statement-parameters';
import type { StatementRequest } from './postgres-sender';

export type PreparedStatement = StatementRequest;

export const postgresAction: ActionType<PostgresAction, PreparedStatement> = {
  type: 'postgres',
  title: 'Run a statement on Postgres',
  description: 'Runs one parameterised SQL statement on a database of yours.',
  definition: PostgresAction,
  check: (definition, context) => [
    ...secretFaults('connection_secret', definition.connection_secret, context),
    ...(definition.parameters ?? []).flatMap((source, index) => expressionFaults(`parameters[${index}]`, source)),
    ...parameterCountFaults(definition),
  ],
  compile: (definition) => async (context) => ({
    connection_url: connectionUrl(definition, context),
    statement: definition.statement,
    parameters: await Promise.all((definition.parameters ?? []).map((source) => parameterOf(source, context))),
    timeout_ms: definition.timeout_ms ?? 10_000,
  }),
  execute: async (prepared, { postgres }, { signal }) => {
    const { row_count } = await postgres.run(prepared, { signal });
    return { detail: { row_count } };
  },
  destination: ({ connection_url }) => {
    const parsed = URL.canParse(connection_url) ? new URL(connection_url) : null;
    return parsed === null ? 'postgres' : `postgres://${parsed.host}${parsed.pathname}`;
  },
  preview: ({ statement, parameters }) => ({ statement, parameters, connection: REDACTED }),
};

function connectionUrl({ connection_secret }: PostgresAction, { secrets }: PrepareContext): string {
  if (secrets === 'redact') return REDACTED;
  const url = secrets(connection_secret);
  const fail = (message: string, code: string): never => {
    throw new ActionFault(message, { permanent: true, detail: { code } });
  };
  if (url === undefined) return fail(`there is no secret "${connection_secret}"`, 'SECRET_MISSING');
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (
    parsed === null ||
    !/^postgres(?:ql)?:$/.test(parsed.protocol) ||
    parsed.hostname === '' ||
    parsed.searchParams.has('host')
  ) {
    return fail(`the secret "${connection_secret}" is no postgres://user:password@host/database URL`, 'CONNECTION_URL');
  }
  return url;
}

async function parameterOf(source: string, context: PrepareContext): Promise<unknown> {
  const { envelope, input, engine } = context;
  const moment = { at_ms: Date.parse(envelope.received_at), seed: envelope.id };
  const exact = await engine.evaluateExact(source, input ?? envelope, { moment });
  if (exact === undefined) return null;
  const { value, json } = exact;
  // The driver writes numbers as texts: where that would not be theirs, theirs is given.
  if (typeof value === 'number') return String(value) === json ? value : json;
  return typeof value === 'object' && value !== null ? json : value;
}

/** The server would refuse it with every message. */
function parameterCountFaults({ statement, parameters }: PostgresAction) {
  const highest = highestParameter(statement);
  const given = parameters?.length ?? 0;
  if (highest === given) return [];
  return [
    {
      field: 'parameters',
      message: `must have ${highest} expressions, one for each of $1 to $${highest} (it has ${given})`,
    },
  ];
}
