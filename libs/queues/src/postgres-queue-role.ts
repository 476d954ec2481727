import { randomBytes } from 'node:crypto';
import { bullmq, postgres } from './on-demand';

/** Of this installation's database; roles belong to the whole server. */
const ROLE_SUFFIX = '_listeners';
/** Serialises processes that make the role at the same time: `lsnr` as a number. */
const LOCK_KEY = 0x6c736e72;

/**
 * Makes a login role that can use the queues' schema and nothing else of the database, gives it a new password, and answers
 * the URL to hand to listeners. `url` is that of a role which owns the schema and may make roles.
 * @throws when it may not
 */
export async function createPostgresQueueRole({
  url,
  password = randomBytes(24).toString('hex'),
  prefix = 'bullmq',
}: {
  url: string;
  /** Letters and digits; another one each time when absent. */
  password?: string;
  prefix?: string;
}): Promise<string> {
  const { Client } = postgres();
  const schema = bullmq().quoteSchemaName(prefix);
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ role: string; quoted: string; database: string }>(
      `SELECT role, quote_ident(role) AS quoted, quote_ident(current_database()) AS database
       FROM (SELECT left(current_database(), $1) || $2 AS role) named`,
      [63 - ROLE_SUFFIX.length, ROLE_SUFFIX],
    );
    const found = rows[0];
    if (found === undefined) throw new Error('PostgreSQL did not say which database this is.');
    if (!/^\w{16,}$/.test(password)) throw new Error('The password of a role must be 16 or more letters and digits.');
    const role = found.quoted;
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
    await client.query(
      `DO $$ BEGIN
         IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${found.role.replaceAll("'", "''")}') THEN
           CREATE ROLE ${role};
         END IF;
       END $$`,
    );
    await client.query(`ALTER ROLE ${role} LOGIN NOINHERIT PASSWORD '${password}'`);
    await client.query(`GRANT CONNECT ON DATABASE ${found.database} TO ${role}`);
    // BullMQ makes a sequence for each queue with its first job, whoever adds that; the owner must be able to use it, too.
    await client.query(`GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}`);
    await client.query(`GRANT ${role} TO CURRENT_USER`);
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    await client.query(`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`);
    // What a later version of BullMQ adds to its schema.
    await client.query(
      `ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role}`,
    );
    await client.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT USAGE, SELECT ON SEQUENCES TO ${role}`);
    await client.query('COMMIT');
    const limited = new URL(url);
    limited.username = encodeURIComponent(found.role);
    limited.password = password;
    return limited.href;
  } finally {
    await client.end();
  }
}
