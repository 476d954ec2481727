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
