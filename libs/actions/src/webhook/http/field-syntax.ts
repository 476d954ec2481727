/** A header's name: a token (RFC 9110, 5.6.2). */
export const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** A header's value as Latin-1 text (RFC 9110, 5.5): no control character but tab. */
export const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
