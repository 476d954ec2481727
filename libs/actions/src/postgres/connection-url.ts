import { ActionFault } from '../action-fault';

/** Where a statement runs, out of a connection URL. */
export interface PostgresTarget {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** `off`: without TLS; `unverified`: whoever answers; `authority`: whatever its name; `full`: certificate and name. */
  tls: 'off' | 'unverified' | 'authority' | 'full';
  application_name: string | null;
  /** Options of the session, such as `-c search_path=shop`. */
  options: string | null;
}

/** They change nothing here: other clients' ways to say what we do anyway, or what a fixed limit of ours says. */
const IGNORED = new Set([
  'channel_binding',
  'client_encoding',
  'connect_timeout',
  'gssencmode',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'target_session_attrs',
]);
const KNOWN = new Set(['sslmode', 'ssl', 'uselibpqcompat', 'application_name', 'fallback_application_name', 'options']);

/**
 * Reads a connection URL by an allow list. Left to the driver it could name files of this machine (`sslcert`, `sslkey`, `sslrootcert`), a
 * Unix socket (`host`, `%2Frun`), or lift the limits of the attempt. Throws a permanent ActionFault; it never shows the URL.
 */
export function parseConnectionUrl(text: string, secret_name: string): PostgresTarget {
  const fail = (what: string): never => {
    throw new ActionFault(`the secret "${secret_name}" ${what}`, {
      permanent: true,
      detail: { code: 'CONNECTION_URL' },
    });
  };
  const reason = connectionUrlFault(text);
  if (reason !== null) fail(reason);
  const url = new URL(text);
  const { searchParams: given } = url;
  const decode = (part: string): string => decodeURIComponent(part);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 5432 : Number(url.port),
    user: decode(url.username),
    password: decode(url.password),
    database: decode(url.pathname.slice(1)) || decode(url.username),
    tls: tlsOf(given),
    application_name: given.get('application_name') ?? given.get('fallback_application_name'),
    options: given.get('options'),
  };
}

/** What is wrong with a connection URL, to stand behind its name; null when nothing is. */
export function connectionUrlFault(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol) || !/^[\w.-]+$|^\[[\da-f:.]+\]$/i.test(url.hostname)) {
    return 'is no postgres://user:password@host/database URL';
  }
  for (const name of url.searchParams.keys()) {
    if (/^ssl(?:cert|key|rootcert|password|crl)$/.test(name)) {
      return `has the parameter ${name}, which names a file: put the PEM into a secret and name it in the action`;
    }
    if (!KNOWN.has(name) && !IGNORED.has(name)) return `has the parameter ${name.slice(0, 40)}, which is not supported`;
  }
  const mode = url.searchParams.get('sslmode');
  if (mode !== null && !/^(?:disable|allow|prefer|require|verify-ca|verify-full|no-verify)$/.test(mode)) {
    return 'has an sslmode that is none';
  }
  try {
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part);
  } catch {
    return 'is not percent-encoded as it must be: write "%" as %25';
  }
  return null;
}

/** As node-postgres has it: stricter than libpq, unless the URL asks for libpq's ways. */
function tlsOf(given: URLSearchParams): PostgresTarget['tls'] {
  const mode = given.get('sslmode');
  const is_libpq = /^(?:true|1)$/.test(given.get('uselibpqcompat') ?? '');
  switch (mode) {
    case 'disable':
      return 'off';
    case 'no-verify':
      return 'unverified';
    case 'allow':
    case 'prefer':
    case 'require':
      return is_libpq ? 'unverified' : 'full';
    case 'verify-ca':
      return is_libpq ? 'authority' : 'full';
    case 'verify-full':
      return 'full';
    default:
      return /^(?:true|1)$/.test(given.get('ssl') ?? '') ? 'full' : 'off';
  }
}
