/** Why something that needs a connection beside the session does not work with `connections: one`. */
export const ONE_CONNECTION =
  'the broker settings allow one connection ("connections": "one"), and that is the session’s';
