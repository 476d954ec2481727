/** Follows redirects like a browser with cookies, each origin’s apart. */
export class BrowserJar {
  private readonly jars = new Map<string, Map<string, string>>();
  /** Every address that was opened, in order. */
  readonly visited: string[] = [];

  setCookie(origin: string, name: string, value: string): void {
    this.jarOf(origin).set(name, value);
  }

  cookie(origin: string, name: string): string | undefined {
    return this.jarOf(origin).get(name);
  }

  cookies(origin: string): string {
    return [...this.jarOf(origin)].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** One request, without following where it leads. */
  async open(address: string, init: RequestInit = {}): Promise<Response> {
    const { origin } = new URL(address);
    this.visited.push(address);
    const response = await fetch(address, {
      redirect: 'manual',
      ...init,
      headers: { Cookie: this.cookies(origin), ...init.headers },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) this.jarOf(origin).delete(name);
      else this.jarOf(origin).set(name, value);
    }
    return response;
  }

  /** Follows redirects until `stop` says so of the next address; the result is that address, or the last one’s. */
  async follow(address: string, stop: (next: URL) => boolean): Promise<URL> {
    let at = new URL(address);
    for (let hops = 0; hops < 20; hops++) {
      if (stop(at)) return at;
      const response = await this.open(at.href);
      const location = response.headers.get('location');
      if (location === null) throw new Error(`${at.href} answers ${response.status}: ${await response.text()}`);
      at = new URL(location, at);
    }
    throw new Error('too many redirects');
  }

  private jarOf(origin: string): Map<string, string> {
    const jar = this.jars.get(origin) ?? new Map<string, string>();
    this.jars.set(origin, jar);
    return jar;
  }
}
