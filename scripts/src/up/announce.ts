import type { UpOptions } from './options';
import type { StackAddresses } from './run-record';

export interface Announcement {
  addresses: StackAddresses;
  notes: string[];
  how: 'started' | 'detached' | 'already running';
}

/** What a person reads when it is up. */
export function announcementText({ addresses, notes, how }: Announcement): string {
  const heading = how === 'already running' ? 'cortex-mqtt is already running on this data' : 'cortex-mqtt is running';
  return [
    '',
    heading,
    '',
    `  console      ${addresses.console_url}`,
    `  sign in as   ${addresses.admin_email}`,
    `  password     ${addresses.admin_password}`,
    `  API          ${addresses.orchestrator_url}/api/v1   (documentation: ${addresses.docs_url})`,
    `  API token    ${addresses.api_token ?? 'none; make one in the console'}`,
    `  job queues   ${addresses.queues_url}`,
    `  broker       ${addresses.broker_url}`,
    `  data, logs   ${addresses.data_dir}`,
    '',
    ...notes.map((note) => `  • ${note}`),
    ...(notes.length > 0 ? [''] : []),
    'next',
    '  1. open the console and look at the demo product, or create a product of your own with your broker',
    `  2. or ask the API: curl -H 'Authorization: Bearer …' ${addresses.orchestrator_url}/api/v1/products`,
    how === 'started'
      ? '  3. stop everything with Ctrl-C; the data stays'
      : '  3. stop everything with ./scripts/down; the data stays',
    '',
  ].join('\n');
}

/** Prints what was asked for: one line of JSON on standard output, or the text on standard error. */
export function announce(announcement: Announcement, options: Pick<UpOptions, 'json'>): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(announcement.addresses)}\n`);
    return;
  }
  process.stderr.write(announcementText(announcement));
}
