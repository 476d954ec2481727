/** Words that make a field's name sensitive, wherever they stand in it. */
const SENSITIVE =
  /(^|_)(password|passwords|passwd|pwd|passphrase|secret|secrets|token|tokens|authorization|cookie|cookies|credential|credentials|apikey|api_key|client_key|private_key|encryption_key|access_key|signing_key|session_key|ssl_key|tls_key)(_|$)/;

/** Last words that tell something about a secret without being one: `password_set`, `token_id`, `secret_name`. */
const ABOUT_A_SECRET =
  /_(set|id|ids|name|names|count|at|length|type|prefix|expired|expires|expiry|revoked|version|required|missing|present|ms|s)$/;

/** Whether a field of this name holds a secret: `client_key`, `X-API-Key`, `accessToken`, `MQTT_PASSWORD`, … */
export function isSensitiveKey(key: string): boolean {
  const snake = key
    .slice(0, 128)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
  return SENSITIVE.test(snake) && !ABOUT_A_SECRET.test(snake);
}
