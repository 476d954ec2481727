import { Alert, SegmentedControl, NativeSelect, Switch, TextInput, Textarea } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { Broker, LastWill, QoS, Transport } from '../../api/types';
import { Fold } from '../../components/fold';
import { IntegerInput } from '../../components/integer-input';
import { Fields, Wide } from '../../components/layout';
import { SecretField } from '../../components/secret-field';
import { texts } from '../../texts';
import classes from './broker-connection-form.module.css';
import type { SecretDraft } from './config-draft';
import { brokerAddressOf, type FieldBinder, isEncrypted, isWebSocket, portAfter, transportFor } from './form-fields';
import { PemField } from './pem-field';

interface Props {
  bind: FieldBinder;
  stored: Broker;
}

const words = texts.mqttConfig;

/** Host, encryption, credentials; certificates and the rarely needed folded below. */
export function BrokerConnectionForm({ bind, stored }: Props) {
  const transport = bind.read<Transport>('broker.transport');
  const password = bind.read<SecretDraft>('broker.password');
  const host = bind.read<string | null>('broker.host') ?? '';
  const needsPassword = stored.password_set && password.kind === 'keep' && leadsElsewhere(bind, stored);
  const sendsPassword = password.kind === 'replace' || (password.kind === 'keep' && stored.password_set);

  const changeTransport = (next: Transport) => {
    bind.write('broker.port', portAfter(bind.read<number>('broker.port'), transport, next));
    bind.write('broker.transport', next);
  };
  const splitAddress = () => {
    for (const [name, value] of Object.entries(brokerAddressOf(host) ?? {})) bind.write(`broker.${name}`, value);
  };

  return (
    <div className={classes.form}>
      <div className={classes.address}>
        <TextInput
          {...bind.text('broker.host')}
          description={words.help.host}
          placeholder="broker.example.com"
          spellCheck={false}
          autoComplete="off"
          onBlur={splitAddress}
        />
        <IntegerInput {...bind.number('broker.port')} min={1} max={65_535} />
      </div>
      <div className={classes.row}>
        <SegmentedControl
          aria-label={words.fields['broker.transport']}
          disabled={bind.readOnly}
          value={isWebSocket(transport) ? 'ws' : 'tcp'}
          onChange={(kind) =>
            changeTransport(transportFor({ websocket: kind === 'ws', encrypted: isEncrypted(transport) }))
          }
          data={[
            { value: 'tcp', label: words.mqtt },
            { value: 'ws', label: words.webSocket },
          ]}
        />
        <Switch
          label={words.help.tls}
          disabled={bind.readOnly}
          checked={isEncrypted(transport)}
          onChange={(event) =>
            changeTransport(transportFor({ websocket: isWebSocket(transport), encrypted: event.currentTarget.checked }))
          }
        />
        {isEncrypted(transport) && <Switch {...bind.toggle('broker.verify_cert')} label={words.help.verifyCert} />}
      </div>
      {isEncrypted(transport) && !bind.read<boolean>('broker.verify_cert') && (
        <Caution>{words.help.verifyCertOff}</Caution>
      )}
      {isWebSocket(transport) && (
        <Fields>
          <TextInput
            {...bind.text('broker.path')}
            description={words.help.path}
            placeholder="/mqtt"
            spellCheck={false}
          />
          <TextInput
            {...bind.text('broker.proxy_url')}
            description={words.help.proxy}
            placeholder="http://proxy.example.com:3128"
            spellCheck={false}
          />
          {bind.read<string | null>('broker.proxy_url') && (
            <>
              <TextInput
                {...bind.text('broker.proxy_username')}
                description={words.help.proxyUsername}
                autoComplete="off"
                spellCheck={false}
              />
              <SecretField
                label={words.fields['broker.proxy_password'] ?? ''}
                description={words.help.proxyPassword}
                isSet={stored.proxy_password_set}
                value={bind.read<SecretDraft>('broker.proxy_password')}
                onChange={(value) => bind.write('broker.proxy_password', value)}
                error={bind.error('broker.proxy_password')}
                disabled={bind.readOnly}
              />
            </>
          )}
        </Fields>
      )}
      <Fields>
        <TextInput
          {...bind.text('broker.username')}
          description={words.help.username}
          autoComplete="off"
          spellCheck={false}
        />
        <SecretField
          label={words.fields['broker.password'] ?? ''}
          description={stored.password_set ? undefined : words.noneStored}
          isSet={stored.password_set}
          value={password}
          onChange={(value) => bind.write('broker.password', value)}
          error={bind.error('broker.password') ?? (needsPassword ? words.endpointNeedsPassword : undefined)}
          disabled={bind.readOnly}
        />
      </Fields>
      {!isEncrypted(transport) && sendsPassword && <Caution>{words.help.plaintextPassword}</Caution>}
      <div>
        {isEncrypted(transport) && <Certificates bind={bind} stored={stored} />}
        <Advanced bind={bind} encrypted={isEncrypted(transport)} />
      </div>
    </div>
  );
}

/** Whether the stored password would go elsewhere, or less safely, than it was given for; the server refuses that. */
function leadsElsewhere(bind: FieldBinder, stored: Broker): boolean {
  const host = bind.read<string | null>('broker.host') ?? '';
  const moved = (name: 'ca_cert' | 'server_name') =>
    (bind.read<string | null>(`broker.${name}`) ?? '').trim() !== (stored[name] ?? '').trim();
  if (stored.host !== null && host.toLowerCase() !== stored.host.toLowerCase()) return true;
  if (bind.read<number>('broker.port') !== stored.port) return true;
  if (!stored.use_tls) return false;
  if (!isEncrypted(bind.read<Transport>('broker.transport'))) return true;
  return stored.verify_cert && (!bind.read<boolean>('broker.verify_cert') || moved('ca_cert') || moved('server_name'));
}

function Caution({ children }: { children: string }) {
  return (
    <Alert color="amber" icon={<IconAlertTriangle size={18} />} p="xs">
      {children}
    </Alert>
  );
}

function Certificates({ bind, stored }: Props) {
  const fields = ['broker.ca_cert', 'broker.client_cert', 'broker.client_key', 'broker.client_key_passphrase'];
  return (
    <Fold title={words.certificates} opened={fields.some((field) => bind.error(field))}>
      <Fields columns={1}>
        <PemField bind={bind} field="broker.ca_cert" description={words.help.caCert} />
        <PemField bind={bind} field="broker.client_cert" description={words.help.clientCert} />
        <SecretField
          label={words.fields['broker.client_key'] ?? ''}
          isSet={stored.client_key_set}
          value={bind.read<SecretDraft>('broker.client_key')}
          onChange={(value) => bind.write('broker.client_key', value)}
          error={bind.error('broker.client_key')}
          disabled={bind.readOnly}
          placeholder="-----BEGIN PRIVATE KEY-----"
          multiline
        />
        <SecretField
          label={words.fields['broker.client_key_passphrase'] ?? ''}
          description={words.help.clientKeyPassphrase}
          isSet={stored.client_key_passphrase_set}
          value={bind.read<SecretDraft>('broker.client_key_passphrase')}
          onChange={(value) => bind.write('broker.client_key_passphrase', value)}
          error={bind.error('broker.client_key_passphrase')}
          disabled={bind.readOnly}
        />
      </Fields>
    </Fold>
  );
}

const ADVANCED_FIELDS = [
  'broker.client_id',
  'broker.keep_alive',
  'broker.session_expiry_s',
  'broker.connect_timeout_s',
  'broker.server_name',
  'broker.alpn_protocols',
  'broker.receive_maximum',
  'broker.connections',
  'broker.user_properties',
  'broker.last_will',
];

function Advanced({ bind, encrypted }: { bind: FieldBinder; encrypted: boolean }) {
  const properties = bind.read<Record<string, string> | undefined>('broker.user_properties') ?? {};
  return (
    <Fold title={words.advanced} hint={words.advancedHint} opened={ADVANCED_FIELDS.some((field) => bind.error(field))}>
      <Fields>
        <TextInput {...bind.text('broker.client_id')} description={words.help.clientId} spellCheck={false} />
        <NativeSelect
          label={words.fields['broker.protocol_version']}
          description={words.help.protocol}
          disabled={bind.readOnly}
          value={String(bind.read<number>('broker.protocol_version'))}
          onChange={(event) => bind.write('broker.protocol_version', Number(event.currentTarget.value))}
          data={[
            { value: '5', label: 'MQTT 5' },
            { value: '4', label: 'MQTT 3.1.1' },
          ]}
        />
        <Wide>
          <Switch
            {...bind.toggle('broker.clean_session')}
            label={words.help.cleanSession}
            description={words.help.cleanSessionHint}
          />
        </Wide>
        <IntegerInput {...bind.number('broker.session_expiry_s')} description={words.help.sessionExpiry} min={0} />
        <IntegerInput {...bind.number('broker.keep_alive')} description={words.help.keepAlive} min={0} max={65_535} />
        <IntegerInput
          {...bind.number('broker.connect_timeout_s')}
          description={words.help.connectTimeout}
          min={1}
          max={120}
        />
        <IntegerInput
          {...bind.number('broker.receive_maximum')}
          description={words.help.receiveMaximum}
          min={1}
          max={65_535}
        />
        <NativeSelect
          label={words.fields['broker.connections']}
          description={words.help.connections}
          data={[
            { value: 'several', label: words.help.severalConnections },
            { value: 'one', label: words.help.oneConnection },
          ]}
          disabled={bind.readOnly}
          value={bind.read<string | undefined>('broker.connections') ?? 'several'}
          onChange={(event) => bind.write('broker.connections', event.currentTarget.value)}
        />
        {encrypted && (
          <>
            <TextInput {...bind.text('broker.server_name')} description={words.help.serverName} spellCheck={false} />
            <TextInput
              key={`alpn ${String(bind.read('broker.alpn_protocols'))}`}
              label={words.fields['broker.alpn_protocols']}
              description={words.help.alpn}
              disabled={bind.readOnly}
              error={bind.error('broker.alpn_protocols')}
              defaultValue={(bind.read<string[] | undefined>('broker.alpn_protocols') ?? []).join(', ')}
              onBlur={(event) => bind.write('broker.alpn_protocols', commaList(event.currentTarget.value))}
            />
          </>
        )}
        <Wide>
          <Textarea
            key={`properties ${JSON.stringify(properties)}`}
            label={words.fields['broker.user_properties']}
            description={words.help.userProperties}
            disabled={bind.readOnly}
            error={bind.error('broker.user_properties')}
            defaultValue={Object.entries(properties)
              .map(([name, value]) => `${name}: ${value}`)
              .join('\n')}
            onBlur={(event) => bind.write('broker.user_properties', propertyLines(event.currentTarget.value))}
            autosize
            minRows={1}
            maxRows={6}
            classNames={{ input: 'mono' }}
          />
        </Wide>
        <Wide>
          <LastWillFields bind={bind} />
        </Wide>
      </Fields>
    </Fold>
  );
}

const EMPTY_WILL: LastWill = { topic: '', payload: '', qos: 0, retain: false, delay_s: 0 };

function LastWillFields({ bind }: { bind: FieldBinder }) {
  const will = bind.read<LastWill | null>('broker.last_will');
  const write = (change: Partial<LastWill>) => bind.write('broker.last_will', { ...EMPTY_WILL, ...will, ...change });
  return (
    <div className={classes.form}>
      <Switch
        label={words.help.lastWill}
        description={words.help.lastWillHint}
        disabled={bind.readOnly}
        checked={Boolean(will)}
        onChange={(event) => bind.write('broker.last_will', event.currentTarget.checked ? EMPTY_WILL : null)}
      />
      {will && (
        <Fields>
          <TextInput
            label={words.will.topic}
            error={bind.error('broker.last_will.topic')}
            value={will.topic}
            disabled={bind.readOnly}
            onChange={(event) => write({ topic: event.currentTarget.value })}
          />
          <TextInput
            label={words.will.payload}
            error={bind.error('broker.last_will.payload')}
            value={will.payload}
            disabled={bind.readOnly}
            onChange={(event) => write({ payload: event.currentTarget.value })}
          />
          <IntegerInput
            label={words.will.delay}
            value={will.delay_s}
            min={0}
            disabled={bind.readOnly}
            onChange={(value) => write({ delay_s: value ?? 0 })}
          />
          <NativeSelect
            label={words.will.qos}
            value={String(will.qos)}
            disabled={bind.readOnly}
            onChange={(event) => write({ qos: Number(event.currentTarget.value) as QoS })}
            data={['0', '1', '2']}
          />
          <Switch
            label={words.will.retain}
            checked={will.retain}
            disabled={bind.readOnly}
            onChange={(event) => write({ retain: event.currentTarget.checked })}
          />
        </Fields>
      )}
    </div>
  );
}

function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
}

function propertyLines(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
      .map((line) => {
        const colon = line.indexOf(':');
        return colon === -1 ? [line, ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
      }),
  );
}
