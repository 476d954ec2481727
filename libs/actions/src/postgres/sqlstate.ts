/**
 * Whether a statement that failed with this SQLSTATE would fail again (PostgreSQL documentation, appendix A). Classes that
 * tell of the data, the statement or the schema are permanent. Connections, resources, conflicts between transactions,
 * cancellation, a server that is starting or read-only (a failover) are not; nor are refused credentials, which get rotated.
 */
export function isPermanentSqlState(code: string): boolean {
  if (code === '25006') return false;
  return PERMANENT_CLASSES.has(code.slice(0, 2));
}

const PERMANENT_CLASSES = new Set([
  '02', // no data
  '0A', // feature not supported
  '21', // cardinality violation
  '22', // data exception
  '23', // integrity constraint violation
  '26', // invalid statement name
  '3D', // no such database
  '3F', // no such schema
  '42', // syntax error or access rule violation
  '44', // check option violation
  'P0', // raised by PL/pgSQL
]);
