import type { StageResult, ConnectionTestResult } from '../../api/types';

type Detail = Record<string, unknown>;

/** What a stage of a connection test found, in one line, unless the `diagnosis` tells it already; the fields differ by stage. */
export function stageFinding(
  { stage, state, detail }: StageResult,
  diagnosis: ConnectionTestResult['diagnosis'] = null,
): string {
  if (detail === null) return '';
  if (typeof detail === 'string') return detail;
  // What a failed stage knows besides its error is for the API; the diagnosis says what to do.
  if (state === 'failed' && typeof detail.error === 'string') {
    return detail.error === diagnosis?.cause ? '' : detail.error;
  }
  if (state !== 'passed') return plainFacts(detail);
  const line = byStage(stage, detail).filter(Boolean).join(' · ');
  return line || plainFacts(detail);
}

function byStage(stage: StageResult['stage'], detail: Detail): string[] {
  switch (stage) {
    case 'dns':
      return [list(detail.addresses)];
    case 'tcp': {
      const tried = Array.isArray(detail.addresses) ? (detail.addresses as Detail[]) : [];
      const reached = tried.find((one) => one.state === 'connected')?.address ?? detail.address;
      return [reached ? `${text(reached)}${detail.port ? ` port ${text(detail.port)}` : ''}` : ''];
    }
    case 'tls': {
      const certificate = (detail.certificate ?? detail) as Detail;
      const days = certificate.days_left;
      return [
        text(detail.version ?? detail.protocol),
        name(certificate.subject),
        certificate.issuer ? `by ${name(certificate.issuer)}` : '',
        typeof days === 'number' ? `${days} days left` : '',
      ];
    }
    case 'connect':
      return [
        detail.protocol_version ? `MQTT ${text(detail.protocol_version)}` : '',
        detail.session_present === true ? 'session present' : '',
        detail.maximum_qos != null ? `QoS up to ${text(detail.maximum_qos)}` : '',
        detail.server_keep_alive ? `keep alive ${text(detail.server_keep_alive)} s` : '',
      ];
    case 'subscribe':
      return [
        typeof detail.granted === 'number' ? `${detail.granted} granted` : '',
        typeof detail.refused === 'number' && detail.refused > 0 ? `${detail.refused} refused: ${refused(detail)}` : '',
      ];
    case 'proxy':
    case 'websocket':
    case 'roundtrip':
      return [];
  }
}

function refused(detail: Detail): string {
  const filters = Array.isArray(detail.filters) ? (detail.filters as Detail[]) : [];
  return filters
    .filter((one) => one.refused)
    .map((one) => `${text(one.filter)} (${text(one.refused)})`)
    .join(', ');
}

/** Whatever is a plain value, by its name; what is nested is left to the API. */
export function plainFacts(detail: Detail): string {
  return Object.entries(detail)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) && value !== '')
    .slice(0, 6)
    .map(([key, value]) => (key === 'reason' ? text(value) : `${key.replaceAll('_', ' ')} ${text(value)}`))
    .join(' · ');
}

const text = (value: unknown): string => (value === null || value === undefined ? '' : String(value));
const list = (value: unknown): string => (Array.isArray(value) ? value.map(text).join(', ') : '');

/** The common name of a distinguished name, which may come as text or as its parts. */
function name(value: unknown): string {
  if (typeof value === 'object' && value !== null) return text((value as Detail).CN ?? Object.values(value)[0]);
  return text(value);
}
