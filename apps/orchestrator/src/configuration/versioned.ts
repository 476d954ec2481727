/** A value, with the revision of the product's configuration that it is part of. */
export interface Versioned<T> {
  value: T;
  revision: number;
}
