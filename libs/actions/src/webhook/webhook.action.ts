import type { FieldFault } from '@cortex-mqtt/contracts';
import { REDACTED } from '@cortex-mqtt/expressions';
import { ActionFault, MAX_EXCERPT_CHARS } from '../action-fault';
import type { ActionType, CheckContext, PrepareContext } from '../action-type';
import { secretFaults, templateFaults, templateMapFaults } from '../field-checks';
import { defaultJson, looksLikeJson, renderField } from '../rendering';
import type { HttpAnswer, TlsIdentity } from './http-sender';
import { parseRetryAfter } from './retry-after';
import { signingKey, standardWebhookHeaders } from './standard-webhooks';
import { WebhookAction } from './webhook-action';
import { parseWebhookUrl, startsWithSecret, webhookUrlFault } from './webhook-url';

export interface PreparedWebhook {
  id: string;
  method: string;
  /** As text, since a redacted one needn't be a URL. */
  url: string;
  headers: Record<string, string>;
  body: string | null;
  /** null: prepared without secrets, for looking only. */
  signing_keys: Buffer[] | null;
  signed: boolean;
  tls: TlsIdentity | null;
  success_codes: number[] | null;
  timeout_ms: number;
}

const USER_AGENT = 'cortex-mqtt';
/** Headers that belong to the connection or that we set. */
const RESERVED =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|webhook-(?:id|timestamp|signature))$/i;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export const webhookAction: ActionType<WebhookAction, PreparedWebhook> = {
  type: 'webhook',
  title: 'Call a webhook',
  description: 'Sends an HTTP request. Signed after Standard Webhooks when it has a signing secret.',
  definition: WebhookAction,
  check: (definition, context) => [
    ...templateFaults('url', definition.url, context),
    ...urlFaults(definition.url),
    ...templateMapFaults('headers', definition.headers, context, headerNameFault),
    ...lineBreakFaults(definition.headers),
    ...templateFaults('body', definition.body, context),
    ...bodyFaults(definition),
    ...secretsFaults(definition, context),
  ],
  prepare: async (definition, context) => {
    const url = await urlOf(definition, context);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(definition.headers ?? {})) {
      headers[name.toLowerCase()] = await renderField(definition, value, context, { escape: 'header' });
    }
    const method = definition.method ?? 'POST';
    const body = method === 'GET' ? null : await bodyOf(definition, headers, context);
    if (body !== null)
      headers['content-type'] ??= bodyIsJson(definition) ? 'application/json' : 'text/plain; charset=utf-8';
    headers['user-agent'] ??= USER_AGENT;
    return {
      id: context.envelope.id,
      method,
      url,
      headers,
      body,
      signing_keys: context.secrets === 'redact' ? null : keysOf(definition, context),
      signed: (definition.signing_secrets ?? []).length > 0,
      tls: tlsOf(definition, context),
      success_codes: definition.success_codes ?? null,
      timeout_ms: definition.timeout_ms ?? 10_000,
    };
  },
  execute: async (prepared, { http }, { signal }) => {
    const answer = await http.send(
      {
        url: new URL(prepared.url),
        method: prepared.method,
        headers: {
          ...prepared.headers,
          ...standardWebhookHeaders({
            id: prepared.id,
            at: new Date(),
            body: prepared.body ?? '',
            keys: prepared.signing_keys ?? [],
          }),
        },
        body: prepared.body,
        tls: prepared.tls,
        timeout_ms: prepared.timeout_ms,
      },
      { signal },
    );
    if (isSuccess(answer.status, prepared.success_codes)) return { detail: { status: answer.status } };
    throw statusFault(answer);
  },
  destination: ({ url }) => {
    const parsed = URL.canParse(url) ? new URL(url) : null;
    return parsed === null ? url : parsed.origin;
  },
  preview: (prepared) => ({
    method: prepared.method,
    url: prepared.url,
    headers: {
      ...prepared.headers,
      'webhook-id': prepared.id,
      'webhook-timestamp': '(the time of each attempt)',
      ...(prepared.signed ? { 'webhook-signature': REDACTED } : {}),
    },
    body: prepared.body,
  }),
};

async function urlOf(definition: WebhookAction, context: PrepareContext): Promise<string> {
  const { url } = definition;
  if (!startsWithSecret(url)) {
    const text = await renderField(definition, url, context, { escape: 'url' });
    // A redacted host can't be parsed, and needn't be.
    return context.secrets === 'redact' && text.includes(REDACTED) ? text : parseWebhookUrl(text).href;
  }
  // A secret in front holds the base and is taken as it is; what follows is encoded.
  const end = url.indexOf('}}') + 2;
  const base = await renderField(definition, url.slice(0, end), context, { escape: 'none' });
  const text = base + (await renderField(definition, url.slice(end), context, { escape: 'url' }));
  return context.secrets === 'redact' ? text : parseWebhookUrl(text).href;
}

async function bodyOf(
  definition: WebhookAction,
  headers: Record<string, string>,
  context: PrepareContext,
): Promise<string> {
  if (typeof definition.body !== 'string') return defaultJson(context);
  const type = headers['content-type'];
  const isJson = type === undefined ? bodyIsJson(definition) : /\bjson\b/i.test(type);
  return renderField(definition, definition.body, context, { escape: isJson ? 'json' : 'none' });
}

/** What a body is taken for when no header says so. */
function bodyIsJson({ body }: WebhookAction): boolean {
  return typeof body !== 'string' || looksLikeJson(body) || /^\s*\{\{[^{}]*\}\}\s*$/.test(body);
}

function keysOf(definition: WebhookAction, context: PrepareContext): Buffer[] {
  return (definition.signing_secrets ?? []).map((name) => signingKey(name, secretOf(name, context)));
}

function tlsOf(definition: WebhookAction, context: PrepareContext): TlsIdentity | null {
  const { ca_cert, client_cert_secret, client_key_secret } = definition;
  if (!ca_cert && !client_cert_secret && !client_key_secret) return null;
  return {
    ca: ca_cert ?? null,
    cert: client_cert_secret ? secretOf(client_cert_secret, context) : null,
    key: client_key_secret ? secretOf(client_key_secret, context) : null,
  };
}

function secretOf(name: string, { secrets }: PrepareContext): string {
  if (secrets === 'redact') return REDACTED;
  const value = secrets(name);
  if (value !== undefined) return value;
  throw new ActionFault(`there is no secret "${name}"`, { permanent: true, detail: { code: 'SECRET_MISSING' } });
}

function isSuccess(status: number, codes: number[] | null): boolean {
  return codes === null ? status >= 200 && status <= 299 : codes.includes(status);
}

/** Answers that another attempt may change: request timeout, too early, too many requests (RFC 9110, 8470, 6585) and 5xx. */
function isTransient(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

function statusFault({ status, headers, body }: HttpAnswer): ActionFault {
  const permanent = !isTransient(status);
  const location = status >= 300 && status < 400 ? headers.location : undefined;
  const message =
    status >= 300 && status < 400
      ? `the destination answered ${status} and points elsewhere; redirects are not followed, put the final address into the URL`
      : `the destination answered ${status}`;
  return new ActionFault(message, {
    permanent,
    retry_after_ms: permanent ? null : parseRetryAfter(headers['retry-after'], Date.now()),
    detail: {
      code: 'HTTP_STATUS',
      status,
      response_excerpt: body.subarray(0, MAX_EXCERPT_CHARS).toString('utf8'),
      ...(location === undefined ? {} : { location: String(location).slice(0, 500) }),
    },
  });
}

function urlFaults(url: string): FieldFault[] {
  const fault = webhookUrlFault(url);
  return fault === null ? [] : [{ field: 'url', message: fault }];
}

function headerNameFault(name: string): string | null {
  if (!TOKEN.test(name)) return 'is not the name of a header';
  return RESERVED.test(name) ? 'is set by cortex-mqtt itself' : null;
}

function lineBreakFaults(headers: Record<string, unknown> | undefined): FieldFault[] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) =>
    typeof value === 'string' && /[\r\n\0]/.test(value)
      ? [{ field: `headers.${name}`, message: 'must not hold a line break' }]
      : [],
  );
}

function bodyFaults(definition: WebhookAction): FieldFault[] {
  if (definition.method !== 'GET' || definition.body == null) return [];
  return [{ field: 'body', message: 'must be absent: a GET has no body' }];
}

function secretsFaults(definition: WebhookAction, context: CheckContext): FieldFault[] {
  const { client_cert_secret, client_key_secret } = definition;
  const faults = (definition.signing_secrets ?? []).flatMap((name, index) =>
    secretFaults(`signing_secrets[${index}]`, name, context),
  );
  faults.push(...secretFaults('client_cert_secret', client_cert_secret, context));
  faults.push(...secretFaults('client_key_secret', client_key_secret, context));
  if (Boolean(client_cert_secret) !== Boolean(client_key_secret)) {
    const missing = client_cert_secret ? 'client_key_secret' : 'client_cert_secret';
    faults.push({ field: missing, message: 'a client certificate needs both its certificate and its key' });
  }
  return faults;
}
