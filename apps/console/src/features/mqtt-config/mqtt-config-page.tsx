export function MqttConfigPage() {
  return <p>…</p>;
}
