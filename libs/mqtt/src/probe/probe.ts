import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isNativeError } from 'node:util/types';
import type {
  ConnectionTestRequest,
  ConnectionTestResult,
  Diagnosis,
  StageResult,
  TestStage,
} from '@cortex-mqtt/contracts';
import { TEST_STAGES } from '@cortex-mqtt/contracts';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import { diagnoseFailure } from '../diagnosis/diagnosis';
import type { ConnectionFailure, FailureContext, PortSpeaks } from '../diagnosis/failure';
import { ONE_CONNECTION } from '../one-connection';
import { openTunnel, proxyOf } from '../proxy-tunnel';
import { isEncrypted, isWebsocket, settingsFault } from '../transport';
import { isShared } from '../topic-filter';
import { type ConnectionWarning, connectionWarnings, droppedMessages } from '../warnings';
import { type ConnackDetail, protocolName } from './connack-detail';
import {
  brokerVersion,
  type FilterResult,
  type MqttSession,
  maySpeakOlderVersion,
  randomClientId,
  readSys,
  roundTrip,
  sendConnect,
  startSession,
  subscribeAll,
} from './mqtt-stages';
import { connectTcp, handshakeTls, openTcp, resolveHost, type StageDetail, upgradeWebsocket } from './network-stages';
import { openPacketLink, type PacketLink } from './packet-link';
import { speaksHttp, speaksMqtt, speaksMqttOverTls, speaksTls } from './port-sniffer';
import { proveShared, type SharedProof } from './shared-proof';
import { createTimeLimit, StageFailure, type TimeLimit, watchEnd } from './time-limit';
import type { TlsDetail } from './tls-detail';

export interface ProbeDeps {
  egress: EgressPolicy;
  /** `listener:<instance id>` or `orchestrator`. */
  tested_from: string;
  /** Told each stage as it ends. A later finding may correct a stage: then it is told again. */
  onStage?: (stage: StageResult) => void;
  /** Why only the way to the broker may be tested, and no MQTT connection opened; null or absent: all is. */
  without_session?: string | null;
  /** Ends the test early, as failed. */
  signal?: AbortSignal;
}

/** Kept back from the stages, for finding out what a port speaks when it isn't what was expected. */
const sniffReserve_ms = (timeout_ms: number): number => Math.min(1_500, timeout_ms * 0.2);

/**
 * Walks to a broker stage by stage, times each, and tells what it found; on a failure why, and what to do. Ends within
 * `timeout_ms`. Uses a random client id, a clean session and no will, and leaves shared groups alone: the live
 * session notices nothing. Never rejects for what a network or a broker does.
 */
export async function probeConnection(request: ConnectionTestRequest, deps: ProbeDeps): Promise<ConnectionTestResult> {
  return createProbe(request, deps).run();
}

function createProbe(request: ConnectionTestRequest, deps: ProbeDeps) {
  const { broker } = request;
  const proxy = proxyOf(broker);
  /** What is connected to first. */
  const first = proxy ?? broker;
  const total = createTimeLimit(request.timeout_ms, deps.signal);
  const limit = total.within(request.timeout_ms - sniffReserve_ms(request.timeout_ms));
  const started = performance.now();
  const context: FailureContext = { broker };
  /** Settings that native code must not see; reported by the stage that would use them. */
  const unusable = settingsFault(broker);
  const stages = new Map<TestStage, StageResult>();
  const open = new Set<Duplex>();
  let diagnosis: Diagnosis | null = null;
  let latency_ms: number | null = null;
  let address: string | null = null;
  let rtt_ms = 0;
  let tls: TlsDetail | null = null;
  let connack: ConnackDetail | null = null;
  let clock_skew_s: number | null = null;
  let link: PacketLink | null = null;
  let shared: SharedProof | null = null;
  let sys: Record<string, string> = {};
  const filters: FilterResult[] = [];

  function record(result: StageResult): void {
    stages.set(result.stage, result);
    deps.onStage?.(result);
  }
  const skip = (stage: TestStage, reason: string): void =>
    record({ stage, state: 'skipped', duration_ms: 0, detail: { reason } });

  async function stage<T>(name: TestStage, work: (detail: StageDetail) => Promise<T>): Promise<T> {
    const detail: StageDetail = {};
    const begun = performance.now();
    const took = () => rounded(performance.now() - begun);
    try {
      if (unusable?.stage === name) throw unusable;
      const value = await work(detail);
      record({ stage: name, state: 'passed', duration_ms: took(), detail });
      return value;
    } catch (error) {
      const duration_ms = took();
      const failure = failureOf(error);
      if (asksForSniff(name, failure) && !(name === 'tls' && context.tls_established))
        context.port_speaks = await sniff(name);
      diagnosis = diagnoseFailure(name, failure, context);
      detail.error = diagnosis.cause;
      // The fault may belong to a stage that had seemed through, as a client certificate that is refused late.
      if (diagnosis.stage !== name && stages.has(diagnosis.stage)) {
        const earlier = stages.get(diagnosis.stage);
        record({
          ...earlier,
          stage: diagnosis.stage,
          state: 'failed',
          duration_ms: earlier?.duration_ms ?? 0,
          detail: { ...earlier?.detail, error: diagnosis.cause },
        });
        record({ stage: name, state: 'skipped', duration_ms, detail: { reason: `failed at ${diagnosis.stage}` } });
      } else {
        diagnosis = { ...diagnosis, stage: name };
        record({ stage: name, state: 'failed', duration_ms, detail });
      }
      throw new ProbeEnded();
    }
  }

  async function run(): Promise<ConnectionTestResult> {
    try {
      await walk();
    } catch (error) {
      if (!(error instanceof ProbeEnded)) throw error;
    } finally {
      link?.close();
      if (link === null) for (const stream of open) stream.destroy();
    }
    for (const name of TEST_STAGES) if (!stages.has(name)) skip(name, 'not reached');
    return {
      status: diagnosis === null ? 'success' : 'failed',
      connected: connack !== null,
      latency_ms,
      broker_info: brokerInfo(),
      tested_from: deps.tested_from,
      stages: TEST_STAGES.flatMap((name) => stages.get(name) ?? []),
      diagnosis,
      warnings: [
        ...withoutSession(),
        ...connectionWarnings({
          ...{ broker, now: new Date(), tls, connack, filters, clock_skew_s, sys },
          // A test asks for a session that ends with it.
          asked_session_expiry_s: 0,
        }),
      ],
    };
  }

  async function walk(): Promise<void> {
    const addresses = await stage('dns', (detail) => resolveHost(first.host, { egress: deps.egress, limit }, detail));
    const socket = await stage('tcp', async (detail) => {
      const begun = performance.now();
      const connected = await connectTcp(addresses, first.port, limit, detail);
      rtt_ms = performance.now() - begun;
      address = connected.address;
      return keep(connected.socket);
    });
    await throughProxy(socket);
    const encrypted = await throughTls(socket);
    const stream = await throughWebsocket(encrypted);
    const { without_session = broker.connections === 'one' ? ONE_CONNECTION : null } = deps;
    if (without_session !== null) {
      for (const name of ['connect', 'subscribe', 'roundtrip'] as const) skip(name, without_session);
      stream.destroy();
      return;
    }
    const session = await stage('connect', (detail) => connect(stream, detail));
    await subscribe(session);
    await makeRoundTrip(session);
    sys = await readSys(session, limit.within(1_000));
  }

  async function throughProxy(socket: Socket): Promise<void> {
    if (proxy === null) {
      skip('proxy', 'none is configured');
      return;
    }
    await stage('proxy', async (detail) => {
      detail.proxy = `${proxy.host}:${proxy.port}`;
      detail.target = `${broker.host}:${broker.port}`;
      await limit.wait(deps.egress.checkRemote(broker.host));
      await tunnel(socket);
    });
  }

  async function tunnel(socket: Socket): Promise<void> {
    const ended = watchEnd(socket).then((failure) => {
      throw new StageFailure(failure);
    });
    // The socket ends some time, long after the race.
    ended.catch(() => undefined);
    await limit.wait(Promise.race([openTunnel(broker, socket), ended]));
  }

  async function throughTls(socket: Socket): Promise<Socket> {
    if (!isEncrypted(broker.transport)) {
      skip('tls', `not used by transport ${broker.transport}`);
      return socket;
    }
    return stage('tls', async (detail) => {
      try {
        const secured = await handshakeTls(broker, socket, { limit, rtt_ms, now: new Date() }, detail);
        tls = secured.tls;
        return keep(secured.socket);
      } finally {
        rememberCertificate(detail);
        context.tls_bytes_received = socket.bytesRead;
      }
    });
  }

  async function throughWebsocket(socket: Socket): Promise<Duplex> {
    if (!isWebsocket(broker.transport)) {
      skip('websocket', `not used by transport ${broker.transport}`);
      return socket;
    }
    return stage('websocket', async (detail) => {
      const upgraded = await upgradeWebsocket(broker, socket, limit, detail);
      clock_skew_s = upgraded.clock_skew_s;
      return keep(upgraded.stream);
    });
  }

  async function connect(stream: Duplex, detail: StageDetail): Promise<MqttSession> {
    const client_id = randomClientId();
    const attempts: { protocol_version: string; outcome: string }[] = [];
    detail.client_id = client_id;
    detail.attempts = attempts;
    let version = broker.protocol_version;
    link = openPacketLink(stream, version);
    for (;;) {
      try {
        // Silence may be for the version: what is left is for asking in the older one.
        const patience_ms = version === 5 ? Math.min(broker.connect_timeout_s * 1_000, limit.remaining_ms() / 2) : null;
        const patience = patience_ms === null ? limit : limit.within(patience_ms);
        connack = await sendConnect(link, broker, { client_id, version, limit: patience });
        break;
      } catch (error) {
        const outcome = diagnoseFailure('connect', failureOf(error), context).cause;
        attempts.push({ protocol_version: protocolName(version), outcome });
        if (version === 4 || !maySpeakOlderVersion(error, link)) throw error;
        const older = await reopen();
        // Without another connection the first refusal stays the finding.
        if (older === null) throw error;
        link.close();
        version = 4;
        link = openPacketLink(older, version);
      }
    }
    latency_ms = Math.round(performance.now() - started);
    attempts.push({ protocol_version: protocolName(version), outcome: 'accepted' });
    Object.assign(detail, connack);
    return startSession(link, version);
  }

  /** The same way once more, for a second CONNECT: a connection takes one only (MQTT 5, 3.1). null when it fails now. */
  async function reopen(): Promise<Duplex | null> {
    try {
      const socket: Socket = keep(await openTcp(address ?? first.host, first.port, limit));
      if (proxy !== null) await tunnel(socket);
      const secured = isEncrypted(broker.transport)
        ? keep((await handshakeTls(broker, socket, { limit, rtt_ms, now: new Date() }, {})).socket)
        : socket;
      return isWebsocket(broker.transport)
        ? keep((await upgradeWebsocket(broker, secured, limit, {})).stream)
        : secured;
    } catch (error) {
      if (isNativeError(error)) return null;
      throw error;
    }
  }

  async function subscribe(session: MqttSession): Promise<void> {
    if (request.topic_filters.length === 0) {
      skip('subscribe', 'there are no topics to subscribe to');
      return;
    }
    await stage('subscribe', async (detail) => {
      context.topics = request.topic_filters.map(({ filter }) => filter);
      detail.filters = filters;
      await subscribeAll(session, request.topic_filters, limit, filters);
      const refused = filters.filter(({ refusal_code }) => refusal_code !== null);
      detail.granted = filters.length - refused.length;
      detail.refused = refused.length;
      const [first] = refused;
      if (!first) return;
      context.topics = refused.map(({ filter }) => filter);
      throw new StageFailure({ kind: 'reason', packet: 'suback', reason_code: first.refusal_code ?? 0x80 });
    });
  }

  async function makeRoundTrip(session: MqttSession): Promise<void> {
    const topic = request.roundtrip_topic;
    // A broker of MQTT 5 says whether it has shared subscriptions (3.2.2.3.13).
    const asks_shared =
      session.version === 4 && (request.prove_shared || request.topic_filters.some(({ filter }) => isShared(filter)));
    if (topic === null && !asks_shared) {
      skip('roundtrip', 'not asked for');
      return;
    }
    if (topic !== null) context.topics = [topic];
    await stage('roundtrip', async (detail) => {
      const input = { topic: topic ?? '', maximum_qos: connack?.maximum_qos ?? 2, test_id: request.id, limit };
      if (topic !== null) await roundTrip(session, input, detail);
      if (!asks_shared) return;
      shared = await proveShared(session, { topic, limit });
      detail.shared_subscription = shared;
      if (shared === 'ignored') throw new StageFailure({ kind: 'shared_ignored' });
    });
  }

  function keep<S extends Duplex>(stream: S): S {
    open.add(stream);
    return stream;
  }

  /** The certificate is shown also when it was refused; the words need its names and times. */
  function rememberCertificate(detail: StageDetail): void {
    const seen = detail as Partial<TlsDetail>;
    const atFault = [seen.certificate, ...(seen.issuers ?? [])].find(
      (certificate) => (certificate?.days_left ?? 0) < 0,
    );
    context.certificate_names = seen.certificate?.names ?? [];
    context.tls_established = seen.tls_version != null;
    context.certificate_issuer = (seen.issuers?.at(-1) ?? seen.certificate)?.issuer ?? null;
    context.valid_from = seen.certificate?.valid_from ?? null;
    context.valid_to = (atFault ?? seen.certificate)?.valid_to ?? null;
  }

  /** Asks the port in the other ways, side by side, what it speaks. */
  async function sniff(failedAt: TestStage): Promise<PortSpeaks | null> {
    // Behind a proxy the port can't be asked by itself.
    if (address === null || proxy !== null) return null;
    const received = link?.firstBytes() ?? Buffer.alloc(0);
    const port = { address, port: broker.port, name: broker.server_name ?? broker.host, path: broker.path ?? '/mqtt' };
    const time: TimeLimit = total.within(sniffReserve_ms(request.timeout_ms));
    const asked = ((): Promise<PortSpeaks | null>[] => {
      if (failedAt === 'tls') return [speaksMqtt(port, time), speaksHttp(port, time, 'tcp')];
      switch (broker.transport) {
        case 'tcp':
          return [speaksTls(port, time, 'mqtt-tls'), speaksHttp(port, time, 'tcp')];
        case 'tls':
          return [speaksHttp(port, time, 'tls')];
        case 'ws':
          return [speaksTls(port, time, 'websocket-tls'), speaksMqtt(port, time)];
        case 'wss':
          return [speaksMqttOverTls(port, time)];
      }
    })();
    const found = (await Promise.all(asked)).find((speaks) => speaks !== null) ?? null;
    if (found === null && received.subarray(0, 5).toString('latin1') === 'HTTP/') {
      return broker.transport === 'tls' ? 'https' : 'http';
    }
    return found;
  }

  /** The whole way was not walked, and that is no fault. */
  function withoutSession(): ConnectionWarning[] {
    const { state, detail } = stages.get('connect') ?? {};
    if (diagnosis !== null || state !== 'skipped') return [];
    const message = `Credentials, topics and shared subscriptions were not tested: ${String(detail?.reason)}.`;
    return [{ code: 'NOT_TESTED_BY_CONNECTING', message }];
  }

  function brokerInfo(): Record<string, unknown> {
    const version = brokerVersion(sys);
    const messages_dropped = droppedMessages(sys);
    return {
      host: broker.host,
      port: broker.port,
      transport: broker.transport,
      ...(address === null ? {} : { address }),
      ...(version === null ? {} : { version }),
      ...(messages_dropped === null ? {} : { messages_dropped }),
      ...(shared === null ? {} : { shared_subscription: shared }),
      ...(tls === null ? {} : { tls_version: tls.tls_version, cipher: tls.cipher }),
      ...connack,
    };
  }

  return { run };
}

/** The walk is over; what there is to say has been recorded. */
class ProbeEnded extends Error {}

/** Worth asking what the port speaks: it answered nothing, or something that made no sense. */
function asksForSniff(stage: TestStage, failure: ConnectionFailure): boolean {
  if (stage !== 'tls' && stage !== 'websocket' && stage !== 'connect') return false;
  if (!isNativeError(failure)) return failure.kind !== 'reason';
  const code = 'code' in failure && typeof failure.code === 'string' ? failure.code : '';
  if (code === 'ABORT_ERR') return false;
  if (stage === 'tls')
    return code === 'ECONNRESET' || /WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST|UNKNOWN_PROTOCOL/.test(code);
  if ('http_status' in failure) return failure.http_status === 400;
  return !code.startsWith('ERR_SSL_');
}

function failureOf(error: unknown): ConnectionFailure {
  if (error instanceof StageFailure) return error.failure;
  return isNativeError(error) ? error : new Error(String(error));
}

const rounded = (span_ms: number): number => Math.round(span_ms * 10) / 10;
