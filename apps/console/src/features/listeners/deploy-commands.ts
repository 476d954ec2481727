import { shellWord } from '../../components/shell-word';

export interface DeployTarget {
  orchestratorUrl: string;
  /** The token just made; null shows a placeholder. */
  token: string | null;
  instanceId: string;
}

const TOKEN_PLACEHOLDER = '<token>';
const QUEUE_PLACEHOLDER = '<the QUEUE_URL of the server>';

/** Ready commands that start a listener, by how it is run. */
export function deployCommands({
  orchestratorUrl,
  token,
  instanceId,
}: DeployTarget): Record<'docker' | 'compose' | 'node', string> {
  const environment: [string, string][] = [
    ['ORCHESTRATOR_URL', orchestratorUrl],
    ['LISTENER_TOKEN', token ?? TOKEN_PLACEHOLDER],
    ['INSTANCE_ID', instanceId],
    // The server never tells its own: a queue's address has a password in it.
    ['QUEUE_URL', QUEUE_PLACEHOLDER],
  ];
  return {
    docker: [
      'docker run -d --restart unless-stopped \\',
      ...environment.map(([name, value]) => `  -e ${name}=${shellWord(value)} \\`),
      '  -v cortex-listener:/data \\',
      '  cortex-mqtt-listener',
    ].join('\n'),
    compose: [
      'services:',
      '  listener:',
      '    image: cortex-mqtt-listener',
      '    restart: unless-stopped',
      '    environment:',
      ...environment.map(([name, value]) => `      ${name}: ${JSON.stringify(value)}`),
      '    volumes:',
      '      - listener-data:/data',
      'volumes:',
      '  listener-data:',
    ].join('\n'),
    node: [
      ...environment.map(([name, value]) => `${name}=${shellWord(value)} \\`),
      'node apps/listener/dist/main.js',
    ].join('\n'),
  };
}

/** A name that no running listener of the product has: two of the same name would take each other's place. */
export function freeInstanceId(slug: string, instances: { id: string }[]): string {
  const taken = new Set(instances.map(({ id }) => id));
  let number = 1;
  while (taken.has(`${slug}-${number}`)) number += 1;
  return `${slug}-${number}`;
}
