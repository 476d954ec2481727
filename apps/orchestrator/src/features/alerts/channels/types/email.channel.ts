import { connect } from 'node:net';
import { ActionFault } from '@cortex-mqtt/actions';
import type { FieldFault } from '@cortex-mqtt/contracts';
import type { SentMessageInfo, Transporter } from 'nodemailer';
import { factLines, headline, plainText, type AlertMessage } from './alert-message';
import type { ChannelFields, ChannelRuntime, ChannelType } from './channel-type';

const TIMEOUT_MS = 15_000;
const ADDRESS = /^[^\s@<>,;]+@[^\s@<>,;]+$/;

/** nodemailer is loaded by the first e-mail, not by every start. */
const nodemailer = (): typeof import('nodemailer') => require('nodemailer') as typeof import('nodemailer');

export const emailChannel: ChannelType = {
  title: 'E-mail',
  required: ['to', 'from', 'smtp_host'],
  optional: ['smtp_port', 'smtp_security', 'username', 'password'],
  secret: ['password'],
  check: ({ to = [], from = '' }) => [
    ...to.flatMap((address, index): FieldFault[] =>
      ADDRESS.test(address) ? [] : [{ field: `to[${index}]`, message: 'must be an e-mail address' }],
    ),
    ...(ADDRESS.test(from.replace(/^.*<(.*)>$/, '$1'))
      ? []
      : [{ field: 'from', message: 'must be an e-mail address' }]),
  ],
  destination: (fields) => `smtp://${fields.smtp_host}:${portOf(fields)}`,
  async send(fields, message, runtime) {
    const transport = createTransport(fields, runtime);
    try {
      const info = (await transport.sendMail({
        from: fields.from,
        to: fields.to,
        subject: headline(message),
        text: plainText(message),
        html: html(message),
        // A repeated message has the same id, so that a mailbox shows it once; those of one incident are one thread.
        messageId: `<${message.key}@cortex-mqtt>`,
        references: `<incident-${message.incident.id}@cortex-mqtt>`,
        headers: { 'X-Cortex-Incident': String(message.incident.id), 'Auto-Submitted': 'auto-generated' },
      })) as SentMessageInfo;
      return { status: info.response ?? 'accepted', excerpt: `accepted for ${(info.accepted ?? []).join(', ')}` };
    } catch (error) {
      const { message: text, code, response } = error as Error & { code?: string; response?: string };
      throw new ActionFault(text, {
        permanent: false,
        detail: { code: code ?? 'SMTP', response_excerpt: response ?? '' },
      });
    } finally {
      transport.close();
    }
  },
};

function portOf({ smtp_port, smtp_security = 'starttls' }: ChannelFields): number {
  return smtp_port ?? { tls: 465, starttls: 587, none: 25 }[smtp_security];
}

function createTransport(fields: ChannelFields, { egress }: ChannelRuntime): Transporter {
  const { smtp_host: host = '', smtp_security = 'starttls', username, password } = fields;
  const options = {
    host,
    port: portOf(fields),
    secure: smtp_security === 'tls',
    requireTLS: smtp_security === 'starttls',
    ignoreTLS: smtp_security === 'none',
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(username === undefined ? {} : { auth: { user: username, pass: password ?? '' } }),
    // The socket is ours, so that the egress policy decides on the address that is connected to.
    getSocket: (
      _options: object,
      done: (error: Error | null, socket?: { connection: ReturnType<typeof connect> }) => void,
    ) => {
      try {
        egress.checkLiteral(host);
      } catch (error) {
        done(error as Error);
        return;
      }
      const socket = connect({ host, port: portOf(fields), lookup: egress.lookup });
      socket.setTimeout(TIMEOUT_MS, () =>
        socket.destroy(new Error(`no connection to ${host} within ${TIMEOUT_MS} ms`)),
      );
      const onError = (error: Error): void => done(error);
      socket.once('error', onError);
      socket.once('connect', () => {
        socket.removeListener('error', onError);
        socket.setTimeout(0);
        done(null, { connection: socket });
      });
    },
  };
  return nodemailer().createTransport(options);
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

const COLOURS = { critical: '#c92a2a', warning: '#e67700', info: '#1971c2' } as const;

function html(message: AlertMessage): string {
  const { incident, event, incident_url, acknowledge_url } = message;
  const colour = event === 'resolved' ? '#2b8a3e' : COLOURS[incident.severity];
  const rows = factLines(message)
    .map(
      ([name, value]) =>
        `<tr><td style="padding:2px 12px 2px 0;color:#555">${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`,
    )
    .join('');
  const link = (url: string, text: string): string =>
    `<a href="${escapeHtml(url)}" style="margin-right:16px">${text}</a>`;
  return `<div style="font-family:sans-serif;max-width:640px"><h2 style="border-left:4px solid ${colour};padding-left:10px;font-size:18px">${escapeHtml(headline(message))}</h2>
<p>${escapeHtml(incident.summary)}</p><table style="font-size:14px">${rows}</table>${
    event === 'resolved'
      ? ''
      : `<p><strong>What it means.</strong> ${escapeHtml(incident.meaning)}</p><p><strong>What to do.</strong> ${escapeHtml(incident.advice)}</p>`
  }<p>${link(incident_url, 'Open the incident')}${acknowledge_url === null ? '' : link(acknowledge_url, 'Acknowledge')}${
    incident.runbook_url === null ? '' : link(incident.runbook_url, 'Runbook')
  }</p></div>`;
}
