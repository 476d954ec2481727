import { type AlertMessage, factLines, headline, plainText } from './alert-message';
import type { ChannelType } from './channel-type';
import { originOf, urlFaults } from './webhook.channel';

const COLOURS = { critical: 0xc92a2a, warning: 0xe67700, info: 0x1971c2 } as const;
const colourOf = ({ event, incident }: AlertMessage): number =>
  event === 'resolved' ? 0x2b8a3e : COLOURS[incident.severity];
const hex = (colour: number): string => `#${colour.toString(16).padStart(6, '0')}`;

/** Links that every chat shows as buttons or as text. */
function links({ incident_url, acknowledge_url, incident }: AlertMessage): { title: string; url: string }[] {
  return [
    { title: 'Open the incident', url: incident_url },
    ...(acknowledge_url === null ? [] : [{ title: 'Acknowledge', url: acknowledge_url }]),
    ...(incident.runbook_url === null ? [] : [{ title: 'Runbook', url: incident.runbook_url }]),
  ];
}

/** The address of an incoming webhook is its credential. */
const INCOMING: Pick<ChannelType, 'required' | 'optional' | 'secret' | 'check' | 'destination'> = {
  required: ['url'],
  optional: [],
  secret: ['url'],
  check: urlFaults,
  destination: originOf,
};

export const slackChannel: ChannelType = {
  ...INCOMING,
  title: 'Slack',
  send: ({ url = '' }, message, { http }) => {
    // Slack's own escape of the three characters that mean something.
    const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
    const text = [
      escaped(message.incident.summary),
      ...(message.event === 'resolved' ? [] : [escaped(`What to do: ${message.incident.advice}`)]),
      links(message)
        .map((link) => `<${link.url}|${link.title}>`)
        .join('  '),
    ].join('\n');
    const fields = factLines(message).map(([title, value]) => ({ title, value: escaped(value), short: true }));
    const title = escaped(headline(message));
    return http.post({
      url,
      body: {
        text: title,
        attachments: [{ color: hex(colourOf(message)), fallback: title, text, fields, mrkdwn_in: ['text'] }],
      },
    });
  },
};

/** A Teams workflow that is started by a webhook and posts an adaptive card. */
export const teamsChannel: ChannelType = {
  ...INCOMING,
  title: 'Microsoft Teams',
  send: (fields, message, { http }) => {
    const { incident, event } = message;
    const block = (text: string, more: Record<string, unknown> = {}) => ({
      type: 'TextBlock',
      text,
      wrap: true,
      ...more,
    });
    const colour =
      event === 'resolved' ? 'Good' : { critical: 'Attention', warning: 'Warning', info: 'Accent' }[incident.severity];
    return http.post({
      url: fields.url ?? '',
      body: {
        type: 'message',
        attachments: [
          {
            contentType: 'application/vnd.microsoft.card.adaptive',
            content: {
              $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
              type: 'AdaptiveCard',
              version: '1.4',
              body: [
                block(headline(message), { size: 'Large', weight: 'Bolder', color: colour }),
                block(incident.summary),
                { type: 'FactSet', facts: factLines(message).map(([title, value]) => ({ title, value })) },
                ...(event === 'resolved' ? [] : [block(`What to do: ${incident.advice}`)]),
              ],
              actions: links(message).map(({ title, url }) => ({ type: 'Action.OpenUrl', title, url })),
            },
          },
        ],
      },
    });
  },
};

export const discordChannel: ChannelType = {
  ...INCOMING,
  title: 'Discord',
  send: ({ url = '' }, message, { http }) =>
    http.post({
      url,
      body: {
        // Names of products must not call people.
        allowed_mentions: { parse: [] },
        embeds: [
          {
            title: headline(message).slice(0, 256),
            url: message.incident_url,
            color: colourOf(message),
            timestamp: message.sent_at,
            description: [
              message.incident.summary,
              ...(message.event === 'resolved' ? [] : [`**What to do:** ${message.incident.advice}`]),
              links(message)
                .map((link) => `[${link.title}](${link.url})`)
                .join(' · '),
            ]
              .join('\n\n')
              .slice(0, 4_000),
            fields: factLines(message).map(([name, value]) => ({
              name,
              value: value.slice(0, 1_000) || '–',
              inline: true,
            })),
          },
        ],
      },
    }),
};

export const telegramChannel: ChannelType = {
  title: 'Telegram',
  required: ['token', 'chat_id'],
  optional: ['url'],
  secret: ['token'],
  check: urlFaults,
  destination: ({ url }) => originOf({ url: url ?? 'https://api.telegram.org' }),
  send: ({ token = '', chat_id, url }, message, { http }) =>
    http.post({
      url: `${(url ?? 'https://api.telegram.org').replace(/\/+$/, '')}/bot${encodeURIComponent(token).replace(/%3A/g, ':')}/sendMessage`,
      body: {
        chat_id,
        text: `${headline(message)}\n\n${plainText(message)}`.slice(0, 4_096),
        disable_web_page_preview: true,
      },
    }),
};

/** `url` is the topic's address, such as https://ntfy.sh/alerts. */
export const ntfyChannel: ChannelType = {
  title: 'ntfy',
  required: ['url'],
  optional: ['token'],
  secret: ['token'],
  check: (fields) => [
    ...urlFaults(fields),
    ...(fields.url !== undefined && topicOf(fields.url) === ''
      ? [{ field: 'url', message: 'must end with the topic' }]
      : []),
  ],
  destination: originOf,
  send: ({ url = '', token }, message, { http }) => {
    const topic = topicOf(url);
    return http.post({
      // As JSON to the server itself: headers could not carry every letter.
      url: url.replace(/\/+$/, '').slice(0, -topic.length),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      body: {
        topic,
        title: headline(message),
        message: plainText(message).slice(0, 4_000),
        priority: message.event === 'resolved' ? 2 : { critical: 5, warning: 4, info: 3 }[message.incident.severity],
        tags: [message.event === 'resolved' ? 'white_check_mark' : 'warning'],
        click: message.incident_url,
        actions: links(message).map((link) => ({ action: 'view', label: link.title, url: link.url })),
      },
    });
  },
};

const topicOf = (url: string): string =>
  URL.canParse(url) ? (new URL(url).pathname.replace(/\/+$/, '').split('/').at(-1) ?? '') : '';
