import type { Transport } from '../../api/types';
import { texts } from '../../texts';
import type { ConfigDraftState } from './use-config-draft';

/** Connects inputs with the draft: value, change, fault and label of a field by its name. */
export interface FieldBinder {
  readOnly: boolean;
  read: <T>(field: string) => T;
  write: (field: string, value: unknown) => void;
  error: (field: string) => string | undefined;
  text: (field: string) => TextProps;
  number: (field: string) => NumberProps;
  toggle: (field: string) => ToggleProps;
}

interface FieldProps {
  label: string;
  error: string | undefined;
  disabled: boolean;
  name: string;
}
type TextProps = FieldProps & {
  value: string;
  onChange: (event: { currentTarget: { value: string } }) => void;
};
type NumberProps = FieldProps & { value: number | null; onChange: (value: number | null) => void };
type ToggleProps = FieldProps & {
  checked: boolean;
  onChange: (event: { currentTarget: { checked: boolean } }) => void;
};

/** Fields that the API wants as a text even when empty; every other empty field is null. */
const EMPTY_IS_TEXT = new Set(['topics.prefix', 'topics.pattern']);

export function createBinder(
  state: Pick<ConfigDraftState, 'draft' | 'set' | 'faults' | 'conflicts'>,
  options: { readOnly: boolean; localFaults: Record<string, string> },
): FieldBinder {
  const error = (field: string) => {
    const inner = Object.keys(state.faults).find(
      (name) => name.startsWith(`${field}.`) || name.startsWith(`${field}[`),
    );
    const conflict = state.conflicts.some((one) => one.field === field) ? texts.mqttConfig.conflictNote : undefined;
    return state.faults[field] ?? (inner ? state.faults[inner] : undefined) ?? options.localFaults[field] ?? conflict;
  };
  const common = (field: string): FieldProps => ({
    label: texts.mqttConfig.fields[field] ?? field,
    error: error(field),
    disabled: options.readOnly,
    name: field,
  });
  return {
    readOnly: options.readOnly,
    read: <T>(field: string) => state.draft[field] as T,
    write: state.set,
    error,
    text: (field) => ({
      ...common(field),
      value: (state.draft[field] as string | null | undefined) ?? '',
      onChange: (event) => {
        const { value } = event.currentTarget;
        state.set(field, value === '' && !EMPTY_IS_TEXT.has(field) ? null : value);
      },
    }),
    number: (field) => ({
      ...common(field),
      value: (state.draft[field] as number | null | undefined) ?? null,
      onChange: (value) => state.set(field, value),
    }),
    toggle: (field) => ({
      ...common(field),
      checked: Boolean(state.draft[field]),
      onChange: (event) => state.set(field, event.currentTarget.checked),
    }),
  };
}

export const isEncrypted = (transport: Transport): boolean => transport === 'tls' || transport === 'wss';
export const isWebSocket = (transport: Transport): boolean => transport === 'ws' || transport === 'wss';

export function transportFor({ websocket, encrypted }: { websocket: boolean; encrypted: boolean }): Transport {
  if (websocket) return encrypted ? 'wss' : 'ws';
  return encrypted ? 'tls' : 'tcp';
}

const USUAL_PORTS: { [T in Transport]: number } = { tcp: 1883, tls: 8883, ws: 8083, wss: 8084 };

/** The port follows the transport as long as it is the usual one; a port somebody chose stays. */
export function portAfter(port: number | null, from: Transport, to: Transport): number | null {
  return port === null || port === USUAL_PORTS[from] ? USUAL_PORTS[to] : port;
}

const TRANSPORT_OF_SCHEME: Record<string, Transport> = {
  mqtt: 'tcp',
  tcp: 'tcp',
  mqtts: 'tls',
  ssl: 'tls',
  tls: 'tls',
  ws: 'ws',
  wss: 'wss',
};

const ADDRESS = /^(?:([a-z]+):\/\/)?(\[[0-9a-f:.]+\]|[^/:@\s]+)(?::(\d{1,5}))?(\/\S*)?$/i;

/** What an address says besides the host, by the names of the fields. */
export type BrokerAddress = { host: string } & Partial<{ port: number; transport: Transport; path: string }>;

/** The parts of an address as people paste it, `mqtts://broker.example.com:8883`; null for a plain host. */
export function brokerAddressOf(text: string): BrokerAddress | null {
  const [, scheme, host, port, path] = ADDRESS.exec(text.trim()) ?? [];
  const transport = scheme === undefined ? undefined : TRANSPORT_OF_SCHEME[scheme.toLowerCase()];
  if (host === undefined || (scheme !== undefined && transport === undefined)) return null;
  if (scheme === undefined && port === undefined) return null;
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    ...(transport ? { transport, port: USUAL_PORTS[transport] } : {}),
    ...(port ? { port: Number(port) } : {}),
    ...(transport && isWebSocket(transport) && path && path !== '/' ? { path } : {}),
  };
}
