import { REDACTED } from '@cortex-mqtt/expressions';
import type { FieldFault } from '@cortex-mqtt/contracts';
import type { ActionType, CheckContext, PrepareContext } from '../action-type';
import { expressionFaults, secretFaults, tlsFaults } from '../field-checks';
import { secretOf, tlsIdentityOf } from '../tls-identity';
import { connectionUrlFault, parseConnectionUrl, type PostgresTarget } from './connection-url';
import { PostgresAction } from './postgres-action';
import { highestParameter } from './statement-parameters';
import type { StatementRequest } from './postgres-sender';

export interface PreparedStatement extends Omit<StatementRequest, 'target'> {
  /** null: prepared without secrets, for looking only. */
  target: PostgresTarget | null;
}

export const postgresAction: ActionType<PostgresAction, PreparedStatement> = {
  type: 'postgres',
  title: 'Run a statement on Postgres',
  description: 'Runs one parameterised SQL statement on a database of yours.',
  definition: PostgresAction,
  check: (definition, context) => [
    ...connectionFaults(definition, context),
    ...tlsFaults(definition, context),
    ...(definition.parameters ?? []).flatMap((source, index) => expressionFaults(`parameters[${index}]`, source)),
    ...parameterCountFaults(definition),
  ],
  compile: (definition) => {
    const tlsOf = tlsIdentityOf(definition);
    return async (context) => ({
      target: targetOf(definition, context),
      tls: tlsOf(context),
      statement: definition.statement,
      parameters: await Promise.all((definition.parameters ?? []).map((source) => parameterOf(source, context))),
      timeout_ms: definition.timeout_ms ?? 10_000,
    });
  },
  execute: async ({ target, ...prepared }, { postgres }, { signal }) => {
    if (target === null) throw new Error('this statement was prepared for looking only');
    const { row_count } = await postgres.run({ ...prepared, target }, { signal });
    return { detail: { row_count } };
  },
  destination: ({ target }) =>
    target === null ? 'postgres' : `postgres://${target.host}:${target.port}/${target.database}`,
  preview: ({ statement, parameters }) => ({ statement, parameters, connection: REDACTED }),
};

function targetOf({ connection_secret }: PostgresAction, context: PrepareContext): PostgresTarget | null {
  if (context.secrets === 'redact') return null;
  return parseConnectionUrl(secretOf(connection_secret, context), connection_secret);
}

function connectionFaults({ connection_secret }: PostgresAction, context: CheckContext): FieldFault[] {
  const field = 'connection_secret';
  const faults = secretFaults(field, connection_secret, context);
  const value = context.secretValue?.(connection_secret) ?? null;
  const reason = faults.length > 0 || value === null ? null : connectionUrlFault(value);
  return reason === null ? faults : [{ field, message: `the secret "${connection_secret}" ${reason}` }];
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
