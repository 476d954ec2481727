import type { FieldFault } from '@cortex-mqtt/contracts';
import { compileTemplate, type Escape, REDACTED, type Template } from '@cortex-mqtt/expressions';
import { ActionFault } from '../action-fault';
import type { ActionRuntime } from '../action-runtime';
import type { ActionOutcome, ActionType, CheckContext, PrepareContext } from '../action-type';
import type { AttemptContext } from '../attempt-context';
import type { BATCH_FORMATS } from '../batch/batch-settings';
import { credentialFaults, urlCredentialFaults } from '../credential-literals';
import { literalOf, secretFaults, templateFaults, templateMapFaults, tlsFaults } from '../field-checks';
import { defaultJson, escapeOf, looksLikeJson, scopeOf } from '../rendering';
import { secretOf, type TlsIdentity, tlsIdentityOf } from '../tls-identity';
import type { HttpAnswer } from './http/answer-reader';
import { FIELD_NAME, FIELD_VALUE } from './http/field-syntax';
import type { HttpSender } from './http/http-sender';
import { requestHead } from './http/request-head';
import { type NoReply, type PreparedReply, REPLY_BYTES, replyFaults, replyOf, replyPreview, sendReply } from './reply';
import { parseRetryAfter } from './retry-after';
import { isSigningSecret, SIGNING_SECRET_FORM, signingKey, standardWebhookLines } from './standard-webhooks';
import { WebhookAction } from './webhook-action';
import {
  assertJson,
  BATCH_ANSWER_BYTES,
  batchBody,
  batchId,
  elementOf,
  mayBeOfOneMessage,
  outcomesOf,
} from './webhook-batch';
import { parseWebhookUrl, startsWithSecret, webhookUrlFault } from './webhook-url';

/** Everything of a request but its body and what is new at each attempt. */
interface RequestFrame {
  method: string;
  /** As text, since a redacted one needn't be a URL. */
  url: string;
  /** null: the URL is redacted. */
  origin: string | null;
  /** Name, value, name, value, … */
  headers: readonly string[];
  /** Request line and headers as they are sent; null: prepared without secrets, for looking only. */
  head: string | null;
}

export interface PreparedWebhook {
  id: string;
  /** Of a message that is run again: which replay. */
  replay_id: string | null;
  frame: RequestFrame;
  body: string | null;
  /** Empty when it is not signed. */
  signing_keys: readonly Buffer[];
  is_signed: boolean;
  tls: TlsIdentity | null;
  success_codes: number[] | null;
  timeout_ms: number;
  batch: { format: BatchFormat; is_envelope: boolean } | null;
  reply: PreparedReply | NoReply | null;
}

type BatchFormat = (typeof BATCH_FORMATS)[number];

const USER_AGENT = 'cortex-mqtt';
const NO_KEYS: readonly Buffer[] = Object.freeze([]);
/** Headers that belong to the connection or that we set. */
const RESERVED =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|cortex-replay-id|webhook-(?:id|timestamp|signature))$/i;

export const webhookAction: ActionType<WebhookAction, PreparedWebhook> = {
  type: 'webhook',
  title: 'Call a webhook',
  description: 'Sends an HTTP request. Signed after Standard Webhooks when it has a signing secret.',
  definition: WebhookAction,
  check: (definition, context) => [
    ...templateFaults('url', definition.url, context),
    ...wholeUrlFaults(definition.url),
    ...templateMapFaults('headers', definition.headers, context, headerNameFault),
    ...headerValueFaults(definition.headers),
    ...credentialFaults('headers', definition.headers),
    ...templateFaults('body', definition.body, context),
    ...bodyFaults(definition),
    ...batchFaults(definition),
    ...replyFaults(definition, context),
    ...signingFaults(definition, context),
    ...tlsFaults(definition, context),
  ],
  compile: (definition) => {
    const compiled = compileWebhook(definition);
    const { fixed, body, method } = compiled;
    if (fixed === null || body !== null) return (context) => prepareRendered(definition, compiled, context);
    return (context) =>
      preparedOf(definition, compiled, context, fixed, method === 'GET' ? null : defaultJson(context));
  },
  execute: (prepared, runtime, { signal, trace, timeout_ms }) => {
    const { id, body, success_codes, reply } = prepared;
    const answer_bytes = reply === null ? undefined : REPLY_BYTES;
    return post(prepared, { id, body, trace, answer_bytes }, runtime, signal).then((answer) => {
      if (!isSuccess(answer.status, success_codes)) throw statusFault(answer);
      if (reply === null) return { detail: detailOf(answer) };
      return sendReply(reply, { id, answer }, runtime, { signal, timeout_ms }).then((sent) => ({
        detail: { ...detailOf(answer), reply: sent },
      }));
    });
  },
  destination: ({ frame }) => frame.origin ?? frame.url,
  preview: (prepared) =>
    previewOf(
      prepared,
      prepared.batch === null ? prepared : { id: batchId([prepared.id]), body: bodyOfBatch([prepared]) },
    ),
  batch: {
    // Of one action URL, headers and replay tell apart what can not share a request.
    groupOf: ({ frame, replay_id }) => {
      const whole = frame.head ?? `${frame.method} ${frame.url}`;
      return replay_id === null ? whole : `${replay_id} ${whole}`;
    },
    bytesOf: ({ body, batch }) => Buffer.byteLength(body ?? '') + (batch?.is_envelope === false ? ELEMENT_BYTES : 1),
    execute: async (items, runtime, { signal }) => {
      const [first] = items as [PreparedWebhook, ...PreparedWebhook[]];
      const ids = items.map(({ id }) => id);
      const request = { id: batchId(ids), body: bodyOfBatch(items), answer_bytes: BATCH_ANSWER_BYTES };
      const answer = await post(first, request, runtime, signal);
      const { status } = answer;
      const judge = (of: number) =>
        isSuccess(of, first.success_codes) ? 'succeeded' : isTransient(of) ? 'transient' : 'permanent';
      if (status === 207 && isSuccess(status, first.success_codes)) return outcomesOf(answer, ids, judge);
      if (!isSuccess(status, first.success_codes)) throw statusFault(answer);
      const detail = detailOf(answer);
      return items.map(() => ({ detail }));
    },
    mayBeOfOne: mayBeOfOneMessage,
    preview: (items) => {
      const [first] = items as [PreparedWebhook, ...PreparedWebhook[]];
      return previewOf(first, { id: batchId(items.map(({ id }) => id)), body: bodyOfBatch(items) });
    },
  },
};

/** W3C Trace Context, unless the action names headers of its own for it. */
function traceLines({ traceparent, tracestate }: AttemptContext, headers: readonly string[]): string {
  if (headers.some((name, at) => at % 2 === 0 && name === 'traceparent')) return '';
  const state = tracestate === null || headers.includes('tracestate') ? '' : `tracestate: ${tracestate}\r\n`;
  return `traceparent: ${traceparent}\r\n${state}`;
}

/** Bytes of what stands around a message that is no envelope. */
const ELEMENT_BYTES = 60;

/** One request for one message, outside of any subscription. Throws ActionFault. */
export async function callWebhook(
  { url, timeout_ms }: { url: string; timeout_ms: number },
  { envelope, engine }: Pick<PrepareContext, 'envelope' | 'engine'>,
  http: HttpSender,
): Promise<ActionOutcome> {
  const definition: WebhookAction = { id: 'call', type: 'webhook', enabled: true, url, timeout_ms };
  const context = {
    envelope,
    engine,
    input: undefined,
    content_type: null,
    topic_filter: null,
    secrets: () => undefined,
  };
  const prepared = await webhookAction.compile(definition)(context);
  const answer = await post(prepared, { id: prepared.id, body: prepared.body }, { http }, undefined);
  if (!isSuccess(answer.status, null)) throw statusFault(answer);
  return { detail: detailOf(answer) };
}

function bodyOfBatch(items: readonly PreparedWebhook[]): string {
  return batchBody(
    items.map(({ id, body, batch }) => elementOf({ id, json: body ?? 'null' }, batch?.is_envelope ?? true)),
    items[0]?.batch?.format ?? 'array',
  );
}

function post(
  { frame, tls, timeout_ms, signing_keys, replay_id }: PreparedWebhook,
  request: {
    id: string;
    body: string | null;
    answer_bytes?: number | undefined;
    trace?: AttemptContext | null | undefined;
  },
  { http }: Pick<ActionRuntime, 'http'>,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  const { origin, head } = frame;
  if (origin === null || head === null) throw new Error('this request was prepared for looking only');
  const { id, body, answer_bytes, trace } = request;
  const own = standardWebhookLines({ id, at_ms: Date.now(), body: body ?? '', keys: signing_keys });
  const replay = replay_id === null ? '' : `cortex-replay-id: ${replay_id}\r\n`;
  const traced = trace == null ? '' : traceLines(trace, frame.headers);
  return http.send({ origin, head: head + own + replay + traced, body, tls, timeout_ms, answer_bytes }, { signal });
}

function previewOf(
  { frame, replay_id, is_signed, reply }: PreparedWebhook,
  { id, body }: { id: string; body: string | null },
): Record<string, unknown> {
  return {
    method: frame.method,
    url: frame.url,
    headers: {
      ...namesAndValues(frame.headers),
      'webhook-id': id,
      'webhook-timestamp': '(the time of each attempt)',
      ...(replay_id === null ? {} : { 'cortex-replay-id': replay_id }),
      ...(is_signed ? { 'webhook-signature': REDACTED } : {}),
    },
    body,
    ...replyPreview(reply),
  };
}

function namesAndValues(headers: readonly string[]): Record<string, string> {
  const named: Record<string, string> = {};
  for (let at = 0; at < headers.length; at += 2) named[headers[at] as string] = headers[at + 1] as string;
  return named;
}

/** What of a definition is the same for every message. */
interface CompiledWebhook {
  method: string;
  /** null: URL or headers have placeholders. */
  fixed: RequestFrame | null;
  /** A secret in front holds the base and is taken as it is; what follows is encoded. */
  base: Template | null;
  url: Template;
  headers: [string, Template][];
  /** null: `input` or the envelope. */
  body: Template | null;
  body_escape: Escape;
  /** When no header says so. */
  content_type: string;
  tlsOf: (context: PrepareContext) => TlsIdentity | null;
}

function compileWebhook(definition: WebhookAction): CompiledWebhook {
  const { url: url_text, body } = definition;
  // Also of what was stored before the check knew it.
  const unfit = webhookUrlFault(url_text);
  if (unfit !== null) throw new ActionFault(`the URL ${unfit}`, { permanent: true, detail: { code: 'INVALID_URL' } });
  const end = startsWithSecret(url_text) ? url_text.indexOf('}}') + 2 : 0;
  const url = compileTemplate(url_text.slice(end));
  const headers = Object.entries(definition.headers ?? {}).map(([name, value]): [string, Template] => [
    name.toLowerCase(),
    compileTemplate(value),
  ]);
  const type = headers.find(([name]) => name === 'content-type')?.[1].text;
  const isJson = bodyIsJson(definition);
  const json_type = definition.batch?.format === 'ndjson' ? 'application/x-ndjson' : 'application/json';
  const content_type = isJson ? json_type : 'text/plain; charset=utf-8';
  const method = definition.method ?? 'POST';
  return {
    method,
    fixed: end === 0 ? fixedFrame(method, url, headers, method === 'GET' ? null : content_type) : null,
    base: end === 0 ? null : compileTemplate(url_text.slice(0, end)),
    url,
    headers,
    body: typeof body === 'string' ? compileTemplate(body) : null,
    body_escape: type === undefined && isJson ? 'json' : escapeOf(body ?? '', type),
    content_type,
    tlsOf: tlsIdentityOf(definition),
  };
}

function fixedFrame(
  method: string,
  { constant: url_text }: Template,
  templates: [string, Template][],
  content_type: string | null,
): RequestFrame | null {
  const constants: Record<string, string> = {};
  for (const [name, { constant }] of templates) {
    if (constant === null) return null;
    constants[name] = constant;
  }
  if (url_text === null) return null;
  const url = parseWebhookUrl(url_text);
  const headers = withDefaults(constants, content_type);
  return { method, url: url.href, origin: url.origin, headers, head: requestHead({ method, url, headers }) };
}

async function prepareRendered(
  definition: WebhookAction,
  compiled: CompiledWebhook,
  context: PrepareContext,
): Promise<PreparedWebhook> {
  const { method, content_type } = compiled;
  const body = method === 'GET' ? null : await bodyOf(compiled, context);
  if (compiled.fixed !== null) return preparedOf(definition, compiled, context, compiled.fixed, body);
  const named: Record<string, string> = {};
  for (const [name, template] of compiled.headers) {
    named[name] = template.constant ?? (await template.render(scopeOf(context), { escape: 'header' }));
  }
  const headers = withDefaults(named, body === null ? null : content_type);
  const text = await urlOf(compiled, context);
  const isRedacted = context.secrets === 'redact';
  // A redacted host can't be parsed, and needn't be.
  const url = isRedacted && text.includes(REDACTED) ? null : parseWebhookUrl(text);
  const frame: RequestFrame = {
    method,
    url: url?.href ?? text,
    origin: url?.origin ?? null,
    headers,
    head: url === null || isRedacted ? null : requestHead({ method, url, headers }),
  };
  return preparedOf(definition, compiled, context, frame, body);
}

function withDefaults(headers: Record<string, string>, content_type: string | null): readonly string[] {
  if (content_type !== null) headers['content-type'] ??= content_type;
  headers['user-agent'] ??= USER_AGENT;
  return Object.entries(headers).flat();
}

function preparedOf(
  definition: WebhookAction,
  compiled: CompiledWebhook,
  context: PrepareContext,
  frame: RequestFrame,
  body: string | null,
): PreparedWebhook {
  const is_signed = (definition.signing_secrets?.length ?? 0) > 0;
  return {
    id: context.envelope.id,
    replay_id: context.envelope.replay?.id ?? null,
    frame,
    body,
    signing_keys: is_signed && context.secrets !== 'redact' ? keysOf(definition, context) : NO_KEYS,
    is_signed,
    tls: compiled.tlsOf(context),
    success_codes: definition.success_codes ?? null,
    timeout_ms: definition.timeout_ms ?? 10_000,
    batch: batchIn(definition, context, body),
    reply: replyOf(definition, context),
  };
}

function batchIn({ batch, body: template }: WebhookAction, { input }: PrepareContext, body: string | null) {
  if (batch == null) return null;
  const is_templated = typeof template === 'string';
  if (is_templated && body !== null) assertJson(body);
  return { format: batch.format ?? 'array', is_envelope: !is_templated && input === undefined };
}

async function urlOf({ base, url }: CompiledWebhook, context: PrepareContext): Promise<string> {
  const scope = scopeOf(context);
  const head = base === null ? '' : await base.render(scope, { escape: 'none' });
  return head + (await url.render(scope, { escape: 'url' }));
}

async function bodyOf({ body, body_escape }: CompiledWebhook, context: PrepareContext): Promise<string> {
  if (body === null) return defaultJson(context);
  return body.render(scopeOf(context), { escape: body_escape });
}

/** What a body is taken for when no header says so. */
function bodyIsJson({ body }: WebhookAction): boolean {
  return typeof body !== 'string' || looksLikeJson(body) || /^\s*\{\{[^{}]*\}\}\s*$/.test(body);
}

function keysOf(definition: WebhookAction, context: PrepareContext): Buffer[] {
  return (definition.signing_secrets ?? []).map((name) => signingKey(name, secretOf(name, context)));
}

function detailOf({ status, unreadable }: HttpAnswer): Record<string, unknown> {
  return unreadable === undefined ? { status } : { status, unreadable };
}

function isSuccess(status: number, codes: number[] | null): boolean {
  return codes === null ? status >= 200 && status <= 299 : codes.includes(status);
}

/** Answers that another attempt may change: request timeout, too early, too many requests (RFC 9110, 8470, 6585) and 5xx. */
function isTransient(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

function statusFault({ status, headers, body_latin1, unreadable }: HttpAnswer): ActionFault {
  const permanent = !isTransient(status);
  const location = status >= 300 && status < 400 ? headers.get('location') : undefined;
  const message =
    status >= 300 && status < 400
      ? `the destination answered ${status} and points elsewhere; redirects are not followed, put the final address into the URL`
      : `the destination answered ${status}`;
  return new ActionFault(message, {
    permanent,
    retry_after_ms: permanent ? null : parseRetryAfter(headers.get('retry-after'), Date.now()),
    detail: {
      code: 'HTTP_STATUS',
      status,
      response_excerpt: Buffer.from(body_latin1, 'latin1').toString('utf8'),
      ...(location === undefined ? {} : { location }),
      ...(unreadable === undefined ? {} : { unreadable }),
    },
  });
}

function wholeUrlFaults(url: string): FieldFault[] {
  const faults = urlFaults(url);
  return faults.length > 0 ? faults : urlCredentialFaults('url', url);
}

function urlFaults(url: string): FieldFault[] {
  const fault = webhookUrlFault(url);
  return fault === null ? [] : [{ field: 'url', message: fault }];
}

function headerNameFault(name: string): string | null {
  if (!FIELD_NAME.test(name)) return 'is not the name of a header';
  return RESERVED.test(name) ? 'is set by cortex-mqtt itself' : null;
}

/** What is written out must be sendable (RFC 9110, 5.5); what comes from a message is checked when it comes. */
function headerValueFaults(headers: Record<string, unknown> | undefined): FieldFault[] {
  return Object.entries(headers ?? {}).flatMap(([name, value]): FieldFault[] => {
    if (typeof value !== 'string') return [];
    const field = `headers.${name}`;
    if (/[\r\n\0]/.test(value)) return [{ field, message: 'must not hold a line break' }];
    const literal = literalOf(value);
    if (literal === null || FIELD_VALUE.test(literal)) return [];
    return [
      { field, message: 'must not hold a control character or a letter beyond Latin-1: a header can not carry it' },
    ];
  });
}

function bodyFaults(definition: WebhookAction): FieldFault[] {
  if (definition.method !== 'GET' || definition.body == null) return [];
  return [{ field: 'body', message: 'must be absent: a GET has no body' }];
}

function batchFaults(definition: WebhookAction): FieldFault[] {
  const { batch, method, body } = definition;
  if (batch == null) return [];
  if (method === 'GET') return [{ field: 'batch', message: 'must be absent: a GET has no body to put messages in' }];
  if (typeof body === 'string' && !bodyIsJson(definition)) {
    return [{ field: 'body', message: 'must be JSON: in a batch each message is an element of a list' }];
  }
  return [];
}

function signingFaults(definition: WebhookAction, context: CheckContext): FieldFault[] {
  return (definition.signing_secrets ?? []).flatMap((name, index) => {
    const field = `signing_secrets[${index}]`;
    const faults = secretFaults(field, name, context);
    const value = context.secretValue?.(name) ?? null;
    if (faults.length > 0 || value === null || isSigningSecret(value)) return faults;
    return [{ field, message: `the secret "${name}" can not sign: ${SIGNING_SECRET_FORM} is expected` }];
  });
}
