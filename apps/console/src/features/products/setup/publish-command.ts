import type { Broker } from '../../../api/types';
import { shellWord } from '../../../components/shell-word';
import { isEncrypted, isWebSocket } from '../../mqtt-config/form-fields';

type Target = Pick<Broker, 'host' | 'port' | 'transport' | 'verify_cert' | 'username' | 'password_set'>;

/** A mosquitto_pub command for the broker; null where that program can't reach it (WebSocket) or there is no broker. */
export function publishCommand(broker: Target, message: { topic: string; payload: string }): string | null {
  if (broker.host === null || isWebSocket(broker.transport)) return null;
  const parts = [
    `-h ${shellWord(broker.host)} -p ${broker.port}`,
    ...(isEncrypted(broker.transport)
      ? [broker.verify_cert ? '--tls-use-os-certs' : '--tls-use-os-certs --insecure']
      : []),
    ...(broker.username ? [`-u ${shellWord(broker.username)}${broker.password_set ? " -P '<password>'" : ''}`] : []),
    `-q 1 -t ${shellWord(message.topic)}`,
    `-m ${shellWord(message.payload)}`,
  ];
  return `mosquitto_pub ${parts.join(' \\\n  ')}`;
}
