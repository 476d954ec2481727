/** Tells the person at the terminal what happens. All on standard error: standard output is for `--json`. */
export interface Progress {
  /** Runs a step; shows its name at the start, and its time and result at the end. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  say(text: string): void;
}

export function createProgress(stream: NodeJS.WriteStream): Progress {
  return {
    say: (text) => {
      stream.write(`${text}\n`);
    },
    step: async (title, work) => {
      const began = Date.now();
      stream.write(stream.isTTY ? `▸ ${title} …` : `▸ ${title} …\n`);
      const end = (line: string) => stream.write(stream.isTTY ? `\r\u001b[K${line}\n` : `${line}\n`);
      try {
        const result = await work();
        end(`✔ ${title} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
        return result;
      } catch (error) {
        end(`✘ ${title}`);
        throw error;
      }
    },
  };
}
