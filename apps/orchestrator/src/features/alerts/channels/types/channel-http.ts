import {
  ActionFault,
  type HttpSender,
  parseRetryAfter,
  requestHead,
  signingKey,
  standardWebhookLines,
} from '@cortex-mqtt/actions';

/** What the other side said, for the test button and the timeline. */
export interface ChannelAnswer {
  /** `200`, `250 2.0.0 OK`, `PUBACK`. */
  status: string;
  /** Whole, so that whoever has the secrets can hide them before it is cut. */
  excerpt: string;
}

const TIMEOUT_MS = 10_000;

export interface ChannelRequest {
  url: string;
  body: unknown;
  headers?: Record<string, string>;
  /** Signs the request after Standard Webhooks. */
  signing?: { secret: string; id: string };
}

/** Posts JSON as channels do: through the egress policy, without following redirects. */
export interface ChannelHttp {
  post(request: ChannelRequest): Promise<ChannelAnswer>;
}

export function createChannelHttp(sender: Pick<HttpSender, 'send'>): ChannelHttp {
  return {
    async post({ url: text, body: value, headers = {}, signing }) {
      const url = new URL(text);
      const body = JSON.stringify(value);
      const head = requestHead({
        method: 'POST',
        url,
        headers: Object.entries({ 'content-type': 'application/json', 'user-agent': 'cortex-mqtt', ...headers }).flat(),
      });
      const signature =
        signing === undefined
          ? ''
          : standardWebhookLines({
              id: signing.id,
              at_ms: Date.now(),
              body,
              keys: [signingKey('signing_secret', signing.secret)],
            });
      const answer = await sender.send(
        { origin: url.origin, head: head + signature, body, tls: null, timeout_ms: TIMEOUT_MS },
        {},
      );
      const excerpt = Buffer.from(answer.body_latin1, 'latin1').toString('utf8');
      if (answer.status >= 200 && answer.status <= 299) return { status: String(answer.status), excerpt };
      throw new ActionFault(`it answered ${answer.status}${excerpt === '' ? '' : `: ${excerpt}`}`, {
        permanent: false,
        retry_after_ms: parseRetryAfter(answer.headers.get('retry-after'), Date.now()),
        detail: { code: 'HTTP_STATUS', status: answer.status, response_excerpt: excerpt },
      });
    },
  };
}
