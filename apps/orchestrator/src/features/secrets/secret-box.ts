/** Where a secret is stored; bound to its envelope, so that an envelope copied to another place does not open. */
export interface SecretPlace {
  product_id: number;
  table: string;
  column: string;
}

/** Seals secrets for the database and opens them again. */
export interface SecretBox {
  seal(plaintext: string, place: SecretPlace): string;
  open(envelope: string, place: SecretPlace): string;
}

/** Place of a product secret. The name is part of it: a value can't be moved under another name. */
export const secretPlace = (product_id: number, name: string): SecretPlace => ({
  product_id,
  table: 'product_secrets',
  column: `value:${name}`,
});

/** Place of the parameters of a connection test. */
export const connectionTestPlace = (product_id: number): SecretPlace => ({
  product_id,
  table: 'connection_tests',
  column: 'request',
});

/** Place of the connection by which a session that was left is reached. */
export const leftSessionPlace = (product_id: number): SecretPlace => ({
  product_id,
  table: 'left_sessions',
  column: 'connection',
});

/** Place of the key that a product's recorded messages are sealed with. */
export const messageKeyPlace = (product_id: number): SecretPlace => ({
  product_id,
  table: 'message_keys',
  column: 'data_key',
});

/** `stored` itself where it holds `plaintext` already, so that a write that changes nothing changes nothing; else a new envelope. */
export function resealed(secretBox: SecretBox, stored: string | null, plaintext: string, place: SecretPlace): string {
  return stored !== null && opensTo(secretBox, stored, place) === plaintext ? stored : secretBox.seal(plaintext, place);
}

/** null when it can't be opened, as after a lost key: then a new envelope heals it. */
function opensTo(secretBox: SecretBox, envelope: string, place: SecretPlace): string | null {
  try {
    return secretBox.open(envelope, place);
  } catch {
    return null;
  }
}

/** Place of the reply to a request with an idempotency key. */
export const storedReplyPlace = (id: string): SecretPlace => ({
  product_id: 0,
  table: 'idempotency_keys',
  column: `reply:${id}`,
});

/** Place of the secrets of an alert channel; channels belong to no product. */
export const channelPlace = (id: number): SecretPlace => ({
  product_id: 0,
  table: 'alert_channels',
  column: `secrets:${id}`,
});
