/** The part of qlobber that is used here; the package has no types of its own. */
declare module 'qlobber' {
  export interface QlobberOptions {
    separator?: string;
    wildcard_one?: string;
    wildcard_some?: string;
    match_empty_levels?: boolean;
    max_words?: number;
  }
  export class Qlobber<T> {
    constructor(options?: QlobberOptions);
    add(filter: string, value: T): this;
    remove(filter: string, value?: T): this;
    /** May be the array the trie itself holds: never change it. */
    match(topic: string): readonly T[];
    clear(): this;
  }
}
