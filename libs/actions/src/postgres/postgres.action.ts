import type { FieldFault } from '@cortex-mqtt/contracts';
import { REDACTED } from '@cortex-mqtt/expressions';
import type { ActionType, CheckContext, PrepareContext } from '../action-type';
import { expressionFaults, secretFaults, tlsFaults } from '../field-checks';
import { secretOf, tlsIdentityOf } from '../tls-identity';
import { type BatchStatement, batchStatementOf, mostRows, statementFor } from './batch-statement';
import { connectionUrlFault, type PostgresTarget, parseConnectionUrl } from './connection-url';
import { PostgresAction } from './postgres-action';
import type { StatementRequest } from './postgres-sender';
import { highestParameter } from './statement-parameters';

export interface PreparedStatement extends Omit<StatementRequest, 'target'> {
  /** null: prepared without secrets, for looking only. */
  target: PostgresTarget | null;
  /** How it takes several messages; null = it has no `batch`. */
  batch: BatchStatement | null;
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
    ...batchFaults(definition),
  ],
  compile: (definition) => {
    const tlsOf = tlsIdentityOf(definition);
    const batch = definition.batch == null ? null : batchStatementOf(definition.statement);
    return async (context) => ({
      target: targetOf(definition, context),
      tls: tlsOf(context),
      statement: definition.statement,
      parameters: await Promise.all((definition.parameters ?? []).map((source) => parameterOf(source, context))),
      timeout_ms: definition.timeout_ms ?? 10_000,
      batch,
    });
  },
  execute: async ({ target, batch: _batch, ...prepared }, { postgres }, { signal }) => {
    if (target === null) throw new Error('this statement was prepared for looking only');
    const { row_count } = await postgres.run({ ...prepared, target }, { signal });
    return { detail: { row_count } };
  },
  destination: ({ target }) =>
    target === null ? 'postgres' : `postgres://${target.host}:${target.port}/${target.database}`,
  preview: (prepared) => ({ ...forAll([prepared]), connection: REDACTED }),
  batch: {
    // The connection is that of the definition, whatever the message.
    groupOf: () => '',
    bytesOf: ({ parameters }) => parameters.reduce((sum: number, value) => sum + String(value).length, 0),
    mostOf: ({ batch }) => (batch === null ? 1 : mostRows(batch)),
    execute: async (items, { postgres }, { signal }) => {
      const [first] = items as [PreparedStatement, ...PreparedStatement[]];
      const { target, tls, timeout_ms } = first;
      if (target === null) throw new Error('this statement was prepared for looking only');
      const { row_count } = await postgres.run({ target, tls, timeout_ms, ...forAll(items) }, { signal });
      return items.map(() => ({ detail: { row_count } }));
    },
    mayBeOfOne: ({ permanent, detail }) => permanent && detail.code === 'SQLSTATE' && !isAboutStatement(detail.status),
    preview: (items) => ({ ...forAll(items), connection: REDACTED }),
  },
};

function forAll(items: readonly PreparedStatement[]): { statement: string; parameters: unknown[] } {
  const [{ batch, statement, parameters }] = items as [PreparedStatement, ...PreparedStatement[]];
  if (batch === null) return { statement, parameters };
  return statementFor(
    batch,
    items.map((item) => item.parameters),
  );
}

/** No such database, schema, table or column, no right to it, a syntax error: whatever the values. */
function isAboutStatement(status: unknown): boolean {
  return typeof status === 'string' && /^(?:3D|3F|42501|42601|42703|42P0|42883)/.test(status);
}

function batchFaults({ batch, statement }: PostgresAction): FieldFault[] {
  if (batch == null || batchStatementOf(statement) !== null) return [];
  return [
    {
      field: 'statement',
      message:
        'can not take several messages: write INSERT … VALUES ($1, …) with all parameters in that row, or cast each parameter to an array, as in unnest($1::text[], $2::int[])',
    },
  ];
}

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
